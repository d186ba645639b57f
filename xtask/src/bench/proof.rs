// SPDX-License-Identifier: GPL-2.0-only
//! The README's proof: tables between two marks, made of the published data and of nothing else.

use super::arms::{BASELINE, CONTROL, OWN, SABOTAGE};
use super::controls::controls;
use super::results::{Outcome, Results};
use super::table::range;
use crate::marks::Marks;
use anyhow::Result;
use photon_bench::aggregate::{CellKey, Comparison, compare};
use photon_bench::stats::{Finding, MIN_SAMPLES};
use std::collections::BTreeMap;
use std::fmt::Write;

pub const MARKS: Marks = Marks {
    begin: "<!-- bench: what follows is written by `cargo xtask bench proof` -->\n",
    end: "<!-- bench: end -->\n",
};
/// In the order of the columns, with their heads.
const BACKGROUNDS: [(&str, &str); 4] = [
    ("none", "nothing"),
    ("compile", "compile"),
    ("hogs", "hogs"),
    ("shader", "shader precompile"),
];
/// The one the tables are judged by.
const JUDGED: &str = "frame_p99_ms";
const DIFFERENCES: &[(&str, &str, usize)] = &[
    ("frame_p50_ms", "frame p50, ms", 2),
    ("frame_p99_ms", "frame p99, ms", 2),
    ("input_wake_p999_us", "input wake p99.9, us", 0),
    ("background_cpu_s", "background CPU, s", 2),
];

const FOLD: &str =
    "\n<details>\n<summary>The game at 144 Hz; intervals; who gave no result</summary>\n";
const FOLD_END: &str = "\n</details>\n";

/// Into the README.
pub fn write(results: &Results, command: &str) -> Result<()> {
    MARKS.write(&render(results, command))
}

/// Whether the README has what these data say.
#[cfg(test)]
pub fn check(results: &Results, command: &str) -> Result<()> {
    let text = crate::marks::readme()?;
    let (_, written, _) = MARKS.parts(&text)?;
    if written != render(results, command) {
        anyhow::bail!(
            "the README's table is not that of docs/bench: run `cargo xtask bench proof`"
        );
    }
    Ok(())
}

fn render(results: &Results, command: &str) -> String {
    let settings = &results.settings;
    let mut text = format!(
        "`{command}`: Linux {}, {} CPUs, {} seeds paired, {} s for each cell after {} s.\n\
         Means of the seeds. Frame time: from the vsync that a frame belongs to, to the end of its submit. Bold: its p99 is \
         better than EEVDF's, by a 95 % bootstrap interval of the paired difference that excludes zero; italic: worse; \
         neither where that is open, or fewer than {MIN_SAMPLES} seeds gave numbers.\n",
        settings.kernel,
        settings.smp,
        results.seeds,
        seconds(settings.ms),
        seconds(settings.settle_ms)
    );
    text += &measured(results);
    // The first table is the answer; the others are for whoever asks on.
    for (index, profile) in profiles(results).iter().enumerate() {
        text += &frames(results, profile);
        if index == 0 {
            text += FOLD;
        }
    }
    text += &differences(results);
    text += &missing(results);
    text += FOLD_END;
    for control in controls(results) {
        // Writing to a string cannot fail, here and below.
        let _ = write!(text, "\n{}.\n", control.text);
    }
    text
}

/// A sentence for each day and build, with the schedulers of it.
fn measured(results: &Results) -> String {
    let mut by_time = BTreeMap::<&str, Vec<&str>>::new();
    for outcome in results.outcomes.iter().filter(|o| !o.measured.is_empty()) {
        let names = by_time.entry(&outcome.measured).or_default();
        names.push(&outcome.name);
    }
    let sentence =
        |(time, names): (&str, Vec<&str>)| format!("Measured on {time}: {}.\n", names.join(", "));
    by_time.into_iter().map(sentence).collect()
}

fn seconds(ms: u64) -> String {
    (ms as f64 / 1000.0).to_string()
}

fn profiles(results: &Results) -> Vec<String> {
    let mut all: Vec<String> = results.cells().iter().map(|c| c.profile.clone()).collect();
    all.sort_by_key(|profile| std::cmp::Reverse(profile.clone()));
    all.dedup();
    all
}

fn cell<'a>(results: &'a Results, profile: &str, background: &str) -> Option<&'a CellKey> {
    let mut cells = results.cells().into_iter();
    cells.find(|c| c.profile == profile && c.background == background)
}

/// Those that are compared: controls have a sentence.
fn compared(results: &Results) -> impl Iterator<Item = &Outcome> {
    let shown = |o: &&Outcome| ![CONTROL, SABOTAGE].contains(&o.name.as_str());
    results.outcomes.iter().filter(shown)
}

fn label(outcome: &Outcome, seeds: u64) -> String {
    let name = match outcome.name.as_str() {
        BASELINE => "EEVDF".to_string(),
        OWN => "**scx_photon**".to_string(),
        _ => outcome.about.clone(),
    };
    match least_seeds(outcome) {
        Some(done) if done < seeds => format!("{name} ({done} of {seeds} seeds)"),
        _ => name,
    }
}

/// Of the cell that has the fewest; none if no cell has any.
fn least_seeds(outcome: &Outcome) -> Option<u64> {
    let cells = outcome.side.iter().flatten();
    cells.map(|(_, seeds)| seeds.len() as u64).min()
}

/// Of the seeds that gave numbers.
fn mean(outcome: &Outcome, cell: &CellKey, metric: &str) -> Option<f64> {
    let seeds = outcome.side.as_ref()?.get(cell)?;
    let values: Option<Vec<f64>> = seeds.values().map(|m| m.get(metric).copied()).collect();
    photon_bench::quantile::mean(&values?)
}

/// A table with a row for each scheduler and a column for each of these backgrounds.
fn grid(
    results: &Results,
    profile: &str,
    backgrounds: &[(&str, &str)],
    figure: impl Fn(&Outcome, &CellKey) -> Option<String>,
) -> String {
    let heads: Vec<&str> = backgrounds.iter().map(|(_, head)| *head).collect();
    let mut text = format!(
        "\n| scheduler | {} |\n|---|{}\n",
        heads.join(" | "),
        "---|".repeat(heads.len())
    );
    for outcome in compared(results) {
        let _ = write!(text, "| {} |", label(outcome, results.seeds));
        for (background, _) in backgrounds {
            let figure = cell(results, profile, background).and_then(|c| figure(outcome, c));
            let _ = write!(text, " {} |", figure.unwrap_or("no result".to_string()));
        }
        text.push('\n');
    }
    text
}

fn frames(results: &Results, profile: &str) -> String {
    let due = cell(results, profile, BACKGROUNDS[0].0)
        .and_then(|c| mean(compared(results).next()?, c, "frames_due"));
    let due = due.map_or("?".to_string(), |n| format!("{n:.0}"));
    let head = format!(
        "\n`bench/scenarios/{profile}.toml` beside a background: frame time p50 / p99 in ms, and how many of {due} frames \
         were late or never done.\n"
    );
    let figure = |outcome: &Outcome, cell: &CellKey| {
        let mean = |metric| mean(outcome, cell, metric);
        let (p50, p99) = (mean("frame_p50_ms")?, mean(JUDGED)?);
        let frames = format!("{p50:.1} / {p99:.1}");
        let frames = match outcome.comparison(cell, JUDGED).map(|c| c.finding) {
            Some(Finding::Better) => format!("**{frames}**"),
            Some(Finding::Worse) => format!("*{frames}*"),
            _ => frames,
        };
        Some(format!("{frames}, {:.0}", mean("frames_late")?))
    };
    head + &grid(results, profile, &BACKGROUNDS, figure)
}

/// scx_photon against EEVDF, and against the best of the others.
fn differences(results: &Results) -> String {
    let find = |name: &str| results.outcomes.iter().find(|o| o.name == name);
    let Some(own) = find(OWN) else {
        return String::new();
    };
    let mut text = "\nscx_photon minus EEVDF, 95 % intervals; and its p99 minus that of the best of the others there.\n\n| cell |"
        .to_string();
    for (_, head, _) in DIFFERENCES {
        let _ = write!(text, " {head} |");
    }
    text += " best other | frame p99 to that, ms |\n|---|";
    text += &"---|".repeat(DIFFERENCES.len() + 2);
    text.push('\n');
    for profile in profiles(results) {
        for (background, head) in BACKGROUNDS {
            let Some(cell) = cell(results, &profile, background) else {
                continue;
            };
            let _ = write!(text, "| {profile}, {head} |");
            for (metric, _, digits) in DIFFERENCES {
                let found = own.comparison(cell, metric).map(|c| range(c, *digits));
                let _ = write!(text, " {} |", found.unwrap_or_default());
            }
            let rival = rival(results, own, cell);
            let (name, range) =
                rival.map_or_else(Default::default, |(name, c)| (name, range(&c, 2)));
            let _ = writeln!(text, " {name} | {range} |");
        }
    }
    text
}

/// The other scheduler with the lowest mean p99 of the frame among those that gave a number for every seed: the games of
/// some seeds are easier than those of others.
fn rival(results: &Results, own: &Outcome, cell: &CellKey) -> Option<(String, Comparison)> {
    let others = compared(results).filter(|o| o.name != OWN && o.seeds(cell) == results.seeds);
    let best = others
        .filter_map(|o| Some((mean(o, cell, JUDGED)?, o)))
        .min_by(|(a, _), (b, _)| a.total_cmp(b))?
        .1;
    let rows = compare(best.side.as_ref()?, own.side.as_ref()?, &[JUDGED]);
    let row = rows.into_iter().find(|row| row.key == *cell)?;
    Some((best.name.clone(), row))
}

fn missing(results: &Results) -> String {
    let mut text = String::new();
    for outcome in compared(results) {
        let mut by_reason = BTreeMap::<&str, Vec<String>>::new();
        for failure in &outcome.failures {
            let seeds = by_reason.entry(failure.reason.trim()).or_default();
            seeds.extend(failure.seed.map(|s| s.to_string()));
        }
        for (reason, seeds) in by_reason {
            let seeds = match seeds.as_slice() {
                [] => String::new(),
                [one] => format!(", seed {one}"),
                some => format!(", seeds {}", some.join(", ")),
            };
            let _ = writeln!(text, "- {}{seeds}: {reason}", outcome.about);
        }
        let known = least_seeds(outcome).unwrap_or(0) + outcome.failures.len() as u64;
        if known > 0 && known < results.seeds {
            let left = results.seeds - known;
            let _ = writeln!(
                text,
                "- {}, {left} of {}: not run",
                outcome.about, results.seeds
            );
        }
    }
    match text.is_empty() {
        true => text,
        false => format!("\nNo result:\n\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::controls::tests::{outcome, results};

    /// The games of the seeds that it lacks may be the hard ones.
    #[test]
    fn who_lacks_a_seed_is_no_rival_and_said() {
        let mut lacking = outcome("bpfland", 1.0, 0.1);
        for seeds in lacking.side.iter_mut().flat_map(|side| side.values_mut()) {
            seeds.remove(&3);
        }
        let own = || outcome(OWN, 5.0, 0.1);
        let best = |results: &Results| {
            let cell = results.cells()[0].clone();
            rival(results, &own(), &cell).map(|(name, _)| name)
        };
        let slow = || outcome("cake", 9.0, 0.1);
        let all = results(3, vec![own(), outcome("bpfland", 1.0, 0.1), slow()]);
        assert_eq!(
            (best(&all).as_deref(), missing(&all)),
            (Some("bpfland"), String::new())
        );
        let two = results(3, vec![own(), lacking, slow()]);
        assert_eq!(best(&two).as_deref(), Some("cake"));
        assert!(
            missing(&two).contains("1 of 3: not run"),
            "{}",
            missing(&two)
        );
    }
}
