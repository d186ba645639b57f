// SPDX-License-Identifier: GPL-2.0-only
//! Sides made by hand and by draws.

use super::*;
use crate::rng::Stream;

/// `runs` runs of 2,000 frames around `mean_us`.
fn side(name: &str, seed: u64, runs: u64, mean_us: u64) -> Side {
    let run = |n| {
        let stream = Stream::new(seed, name, n);
        Run {
            source: format!("{name}{n}"),
            times: (0..2_000)
                .map(|k| stream.lognormal(k, 0, mean_us, 0.1) as f64 / 1_000.0)
                .collect(),
            ..Run::default()
        }
    };
    Side {
        name: name.to_string(),
        runs: (0..runs).map(run).collect(),
    }
}

fn sentence(a: &Side, b: &Side) -> String {
    verdict(&compare(a, b, Pairing::None), HEADLINE, a, b)
}

#[test]
fn every_shown_figure_is_defined() {
    for (key, _, _) in OF_TIMES.iter().chain(OF_MODEL) {
        assert!(find(key).is_some(), "{key}");
    }
    assert!(OF_MODEL.iter().any(|s| s.0 == MODEL_HEADLINE));
    assert!(OF_TIMES.iter().any(|s| s.0 == HEADLINE));
    let (a, b) = (side("a", 1, 3, 10_000), side("b", 1, 3, 10_000));
    assert_eq!(compare(&a, &b, Pairing::None).len(), OF_TIMES.len());
}

#[test]
fn the_sentence_follows_the_interval() {
    let base = || side("base", 1, 4, 10_000);
    let (same, slow) = (side("same", 2, 4, 10_000), side("slow", 3, 4, 13_000));
    let said = sentence(&base(), &slow);
    assert!(
        said.starts_with("slow is worse than base in frame time p99: +"),
        "{said}"
    );
    assert!(said.contains("95 % interval") && said.contains("4 runs a side"));
    let said = sentence(&slow, &base());
    assert!(said.starts_with("base is better than slow"), "{said}");
    let said = sentence(&base(), &same);
    assert!(
        said.starts_with("No difference between base and same"),
        "{said}"
    );
    let said = sentence(&base(), &side("few", 3, 2, 13_000));
    assert!(
        said.starts_with("Too few runs") && said.contains("4 and 2 runs, 3 a side"),
        "{said}"
    );
    assert!(!said.contains("better") && !said.contains("worse"));
    let none = Side {
        name: "none".into(),
        runs: vec![],
    };
    assert!(sentence(&base(), &none).starts_with("Nothing to compare"));
}

#[test]
fn rounding_errors_are_no_difference() {
    let a = side("a", 1, 4, 10_000);
    let mut b = a.clone();
    b.runs
        .iter_mut()
        .flat_map(|r| &mut r.times)
        .for_each(|t| *t += 1e-9);
    let rows = compare(&a, &b, Pairing::None);
    assert!(rows.iter().all(|r| r.finding == Finding::Undecided));
    let few = Side {
        name: "few".into(),
        runs: a.runs[..2].to_vec(),
    };
    let rows = compare(&few, &few, Pairing::None);
    assert!(rows.iter().all(|r| r.finding == Finding::TooFew));
}

#[test]
fn what_got_worse_is_not_left_out() {
    // Faster on average, but with frames of 80 ms: the p99 is better and the longest is worse.
    let a = side("a", 1, 4, 20_000);
    let mut b = side("b", 1, 4, 10_000);
    b.runs.iter_mut().for_each(|r| r.times[7] = 80.0);
    let said = sentence(&a, &b);
    assert!(
        said.starts_with("b is better than a in frame time p99"),
        "{said}"
    );
    assert!(
        said.contains("; but worse in ") && said.contains("longest frame time"),
        "{said}"
    );
}

#[test]
fn pairs_see_what_runs_alone_hide() {
    // Runs differ much from one another, in pairs they differ by one tenth each.
    let by = |name: &str, factor: u64| {
        let runs = (0..4).flat_map(|n| side("x", n, 1, (8_000 + 4_000 * n) * factor / 10).runs);
        Side {
            name: name.into(),
            runs: runs.collect(),
        }
    };
    let (a, b) = (by("a", 10), by("b", 11));
    let say = |pairing| verdict(&compare(&a, &b, pairing), HEADLINE, &a, &b);
    assert!(say(Pairing::None).starts_with("No difference"));
    assert!(
        say(Pairing::ByOrder).starts_with("b is worse"),
        "{}",
        say(Pairing::ByOrder)
    );
}

#[test]
fn other_machines_and_short_runs_are_said() {
    let mut a = side("a", 1, 3, 10_000);
    let mut b = side("b", 1, 3, 10_000);
    assert!(cautions(&a, &b).is_empty());
    a.runs[0].about.insert("kernel".into(), "6.18".into());
    b.runs[0].about.insert("kernel".into(), "7.3".into());
    b.runs[1].times.truncate(10);
    let said = cautions(&a, &b);
    assert_eq!(said[0], "the logs differ in kernel: 6.18 | 7.3");
    assert!(said[1].starts_with("1 of 6 runs"), "{}", said[1]);
}

#[test]
fn the_page_and_the_table_hold_everything() {
    let (a, b) = (side("<a>", 1, 3, 10_000), side("b", 2, 3, 12_000));
    let rows = compare(&a, &b, Pairing::None);
    let said = verdict(&rows, HEADLINE, &a, &b);
    let html = page::render(&rows, &a, &b, &said, &["a remark".into()]);
    assert!(html.contains("&lt;a&gt;") && !html.contains("<a>"));
    assert_eq!(html.matches("<svg").count(), 2 + OF_TIMES.len());
    assert!(html.contains("a remark") && html.ends_with("</html>\n"));
    assert!(!html.contains("NaN") && !html.contains("inf\""));
    let text = text::table(&rows, &a, &b, &said);
    assert!(text.trim_end().ends_with(&said));
    assert!(
        text.lines().all(|l| l.chars().count() <= 100 || l == said),
        "{text}"
    );
    let json = text::json(&rows, &a, &b, &said);
    assert_eq!(json["rows"].as_array().unwrap().len(), OF_TIMES.len());
    assert_eq!(json["a"]["runs"][0]["frames"], 2_000);
}

#[test]
fn means_of_pairs_leave_out_who_has_no_partner() {
    let run = |late: Option<f64>| Run {
        figures: late.map(|n| ("frames_late", n)).into_iter().collect(),
        ..Run::default()
    };
    let side = |name: &str, late: &[Option<f64>]| Side {
        name: name.into(),
        runs: late.iter().copied().map(run).collect(),
    };
    let a = side("a", &[Some(10.0), Some(12.0), Some(14.0), Some(100.0)]);
    let b = side("b", &[Some(11.0), Some(13.0), Some(15.0), None]);
    let rows = compare(&a, &b, Pairing::ByOrder);
    let row = rows.iter().find(|r| r.key == "frames_late").unwrap();
    assert_eq!((row.a, row.b), (12.0, 13.0));
    assert_eq!(row.difference.estimate, row.b - row.a);
}

#[test]
fn programs_get_what_the_verdict_rests_on() {
    let mut a = side("a", 1, 1, 10_000);
    a.runs[0].figures = [(MODEL_HEADLINE, 12.5), ("fps_avg", 60.0)].into();
    let json = text::json(&[], &a, &a, "");
    let metrics = &json["a"]["runs"][0]["metrics"];
    assert_eq!(metrics[MODEL_HEADLINE], 12.5);
    assert_eq!(metrics["fps_avg"], 60.0, "as the row has it");
    assert!(metrics[HEADLINE].as_f64().unwrap() > 10.0, "{metrics}");
}
