// SPDX-License-Identifier: GPL-2.0-only
//! The report as one HTML page that needs nothing but itself.

use super::arms::{BASELINE, CONTROL, OWN, SABOTAGE};
use super::controls::controls;
use super::results::{Outcome, Results, SHOWN, Trace};
use super::table;
use photon_bench::aggregate::{CellKey, Comparison};
use photon_bench::metrics::definitions::{Better, find};
use photon_bench::page::curve::{self, Times};
use photon_bench::page::histogram::{self, Row};
use photon_bench::page::svg::{self, Bar, Line, Ticks, Value};
use photon_bench::page::{END, escaped, head, picture};
use photon_bench::scenario::Scenario;
use std::cmp::Ordering;
use std::fmt::Write;

const NS_PER_MS: f64 = 1e6;
const MS_PER_S: f64 = 1000.0;
/// Seconds between the marks of a frame-time line, at most ten of them.
const MOST_MARKS: f64 = 10.0;
const SHORT_STEP: f64 = 0.5;
/// The percentile curve's name.
const CURVE: &str = "frames";
/// More lines than this hide one another.
const MOST_LINES: usize = 5;
const LINES_ARE: &str = "EEVDF, scx_photon, and of the others those with the lowest p99";

pub fn render(results: &Results) -> String {
    let title = format!("Frame bench on Linux {}", results.settings.kernel);
    let mut html = head(&title);
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(html, "<p>{}</p>", escaped(&table::legend(results)));
    html += &key(results);
    html += &failures(results);
    for control in controls(results) {
        let _ = writeln!(html, "<p>{}</p>", escaped(&control.text));
    }
    results
        .cells()
        .into_iter()
        .for_each(|cell| html += &section(results, cell));
    html + END
}

fn key(results: &Results) -> String {
    let mut html = "<p class=\"key\">".to_string();
    for (index, outcome) in results.outcomes.iter().enumerate() {
        let _ = write!(
            html,
            "<span><i style=\"background:{}\"></i><b>{}</b> <small>{}</small></span>",
            svg::colour(index),
            escaped(&outcome.name),
            escaped(&outcome.about)
        );
    }
    html + "</p>\n"
}

fn failures(results: &Results) -> String {
    let mut items = String::new();
    for failure in results.outcomes.iter().flat_map(|o| &o.failures) {
        let seed = failure
            .seed
            .map_or(String::new(), |s| format!(", seed {s}"));
        let _ = write!(
            items,
            "<li><b>{}</b>{seed}: {}</li>",
            escaped(&failure.arm),
            escaped(&failure.reason)
        );
    }
    match items.is_empty() {
        true => String::new(),
        false => format!("<h3>No result</h3><ul>{items}</ul>\n"),
    }
}

fn section(results: &Results, cell: &CellKey) -> String {
    let mut html = format!("<h2>{}</h2>\n", escaped(&cell.title()));
    let budget = Scenario::profile(&cell.profile).map(|s| s.display.period_ns() as f64 / NS_PER_MS);
    if let Ok(budget) = budget {
        html += "<div class=\"plots\">";
        let _ = write!(
            html,
            "<div><h3>Frame time, ms, seed 1 <small>dashed: one refresh; dots at the top: dropped; {LINES_ARE}</small></h3>{}</div>",
            frame_line(results, cell, budget)
        );
        let _ = writeln!(
            html,
            "<div><h3>Frame time by percentile, ms, seed 1 <small>a line ends where frames were dropped</small></h3>{}</div>",
            curve(results, cell, budget)
        );
        let _ = writeln!(
            html,
            "<div><h3>Excess over an idle machine, seed 1 <small>share of frames, each row to its own highest bin</small></h3>{}</div></div>",
            excess(results, cell)
        );
    }
    html += "<div class=\"plots\">";
    for (metric, digits) in measured(results, cell) {
        let better = match find(metric).map(|m| m.better) {
            Some(Better::Higher) => "more is better",
            _ => "less is better",
        };
        let heading = escaped(&table::heading(metric));
        let _ = write!(
            html,
            "<div><h3>{heading} <small>{better}</small></h3>{}</div>",
            metric_bars(results, cell, metric, *digits)
        );
    }
    html + "</div>\n" + &figures(results, cell)
}

/// The shown metrics this cell has: an idle machine has no background.
fn measured<'a>(
    results: &'a Results,
    cell: &'a CellKey,
) -> impl Iterator<Item = &'static (&'static str, usize)> + 'a {
    let has = |metric: &str| {
        results
            .outcomes
            .iter()
            .any(|o| o.comparison(cell, metric).is_some())
    };
    SHOWN.iter().filter(move |(metric, _)| has(metric))
}

/// With its number as the colour.
fn with_frames<'a>(
    results: &'a Results,
    cell: &CellKey,
) -> impl Iterator<Item = (usize, &'a Trace)> {
    let all = results.outcomes.iter().enumerate();
    all.filter_map(move |(index, outcome)| Some((index, outcome.frames.get(cell)?)))
}

/// How many of those with figures a plot of all can show, where that is not every one.
fn drawn(results: &Results, cell: &CellKey) -> String {
    let measured = results.outcomes.iter().filter(|o| o.seeds(cell) > 0);
    match (with_frames(results, cell).count(), measured.count()) {
        (drawn, all) if drawn < all => format!(", {drawn} of {all} schedulers"),
        _ => String::new(),
    }
}

/// What a plot of lines shows: the baseline, our own, and the best of the others.
fn foremost<'a>(results: &'a Results, cell: &CellKey) -> Vec<(usize, &'a Trace)> {
    let mut all: Vec<(usize, &Trace)> = with_frames(results, cell).collect();
    let rank = |index: usize| {
        let outcome = &results.outcomes[index];
        let first = [BASELINE, OWN].contains(&outcome.name.as_str());
        let p99 = outcome.comparison(cell, "frame_p99_ms").map(|c| c.mean_b);
        (!first, p99.unwrap_or(f64::INFINITY))
    };
    let is_control =
        |index: usize| [CONTROL, SABOTAGE].contains(&results.outcomes[index].name.as_str());
    all.retain(|(index, _)| !is_control(*index));
    all.sort_by(|(a, _), (b, _)| rank(*a).partial_cmp(&rank(*b)).unwrap_or(Ordering::Equal));
    all.truncate(MOST_LINES);
    all
}

fn frame_line(results: &Results, cell: &CellKey, budget: f64) -> String {
    let at = |frame: usize| frame as f64 * budget / MS_PER_S;
    let line = |(index, trace): (usize, &Trace)| Line {
        colour: svg::colour(index),
        points: trace
            .times
            .iter()
            .enumerate()
            .map(|(n, time)| (at(n), *time))
            .collect(),
    };
    let lines: Vec<Line> = foremost(results, cell).into_iter().map(line).collect();
    let end = results.settings.ms as f64 / MS_PER_S;
    let step = if end <= MOST_MARKS * SHORT_STEP {
        SHORT_STEP
    } else {
        (end / MOST_MARKS).ceil()
    };
    let marks = (end / step) as u32;
    let ticks: Ticks = (0..=marks)
        .map(|n| f64::from(n) * step)
        .map(|t| (t, t.to_string()))
        .collect();
    svg::lines(&lines, (0.0, end), &ticks, "seconds", Some(budget))
}

fn curve(results: &Results, cell: &CellKey, budget: f64) -> String {
    let times = |(index, trace): (usize, &Trace)| Times {
        colour: svg::colour(index),
        // A dropped frame took for ever.
        ms: trace
            .times
            .iter()
            .map(|f| f.unwrap_or(f64::INFINITY))
            .collect(),
    };
    let all = foremost(results, cell).into_iter().map(times);
    curve::render(all, Some(budget))
}

/// The plots that stand for a cell elsewhere: file name and picture.
pub fn pictures(results: &Results) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for cell in results.cells() {
        let Ok(scenario) = Scenario::profile(&cell.profile) else {
            continue;
        };
        let budget = scenario.display.period_ns() as f64 / NS_PER_MS;
        let stem = cell.stem();
        let title = |what: &str| format!("{}: {what}", cell.title());
        let colours: Vec<(&str, &str)> = foremost(results, cell)
            .into_iter()
            .map(|(index, _)| (results.outcomes[index].name.as_str(), svg::colour(index)))
            .collect();
        let mut add = |name: &str, what: &str, svg: String| {
            // Rows and bars carry their names.
            let key = if name == CURVE { &colours[..] } else { &[] };
            all.push((
                format!("{stem}-{name}.svg"),
                picture(&svg, &title(what), key),
            ));
        };
        add(
            "excess",
            &format!(
                "frame time above the critical path, seed 1{}",
                drawn(results, cell)
            ),
            excess(results, cell),
        );
        add(
            CURVE,
            "frame time by percentile, ms, seed 1; a line ends where frames were dropped",
            curve(results, cell, budget),
        );
        for (metric, digits) in measured(results, cell) {
            let bars = metric_bars(results, cell, metric, *digits);
            add(metric, &table::heading(metric), bars);
        }
    }
    all
}

fn excess(results: &Results, cell: &CellKey) -> String {
    let row = |(index, trace): (usize, &Trace)| Row {
        name: results.outcomes[index].name.clone(),
        colour: svg::colour(index),
        values: trace.excess.clone(),
    };
    let rows: Vec<Row> = with_frames(results, cell).map(row).collect();
    histogram::render(&rows, "ms above the critical path", "dropped")
}

fn metric_bars(results: &Results, cell: &CellKey, metric: &str, digits: usize) -> String {
    let bar = |(index, outcome): (usize, &Outcome)| Bar {
        name: escaped(&outcome.name),
        colour: svg::colour(index),
        value: outcome.comparison(cell, metric).map(|c| {
            // The interval is that of the difference, so it is drawn around what it is the difference to.
            let ends = (c.mean_a + c.difference.low, c.mean_a + c.difference.high);
            Value {
                mean: c.mean_b,
                text: format!("{:.digits$}", c.mean_b),
                ends: (outcome.name != BASELINE && c.difference.n > 1).then_some(ends),
            }
        }),
    };
    let measured = results.outcomes.iter().enumerate();
    svg::bars(&measured.map(bar).collect::<Vec<_>>())
}

fn figures(results: &Results, cell: &CellKey) -> String {
    let mut html = "<div class=\"scroll\"><table><tr><th>scheduler</th>".to_string();
    for (metric, _) in measured(results, cell) {
        let _ = write!(html, "<th>{}</th>", escaped(&table::heading(metric)));
    }
    html += "</tr>\n";
    for outcome in &results.outcomes {
        let _ = write!(html, "<tr><td>{}</td>", escaped(&outcome.name));
        for (metric, digits) in measured(results, cell) {
            let comparison = outcome.comparison(cell, metric);
            let baseline = outcome.name == BASELINE;
            html += &comparison.map_or("<td>no result</td>".to_string(), |c| {
                figure(c, *digits, baseline)
            });
        }
        html += "</tr>\n";
    }
    html + "</table></div>\n"
}

fn figure(comparison: &Comparison, digits: usize, baseline: bool) -> String {
    let class = match table::mark(comparison) {
        '+' => " class=\"better\"",
        '!' => " class=\"worse\"",
        _ => "",
    };
    let range = match baseline {
        true => String::new(),
        false => format!("<br><small>{}</small>", table::range(comparison, digits)),
    };
    format!("<td{class}>{:.digits$}{range}</td>", comparison.mean_b)
}
