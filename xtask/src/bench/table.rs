// SPDX-License-Identifier: GPL-2.0-only
//! The table at the end of a run, on the terminal.

use super::controls::controls;
use super::results::{Outcome, Results, SHOWN};
use photon_bench::aggregate::{CellKey, Comparison};
use photon_bench::metrics::definitions::find;
use photon_bench::stats::{Finding, MIN_SAMPLES};
use std::fmt::Write;

const NAME_WIDTH: usize = 15;
const WIDTH: usize = 18;

/// The column heads of [`SHOWN`].
pub fn heading(metric: &str) -> String {
    let unit = find(metric).map_or("", |m| m.unit);
    let name = match metric {
        "frame_p50_ms" => "frame p50",
        "frame_p99_ms" => "frame p99",
        "frames_late" => return "late frames".to_string(),
        "input_wake_p999_us" => "input p99.9",
        "audio_xruns" => return "audio xruns".to_string(),
        "background_cpu_s" => "background CPU",
        "background_longest_wait_ms" => "longest wait",
        other => other,
    };
    format!("{name}, {unit}")
}

pub fn render(results: &Results) -> String {
    let mut text = String::new();
    for cell in results.cells() {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "{}, {} CPUs", cell.title(), cell.cpus);
        let _ = write!(text, "  {:<NAME_WIDTH$}", "");
        for (metric, _) in SHOWN {
            let _ = write!(text, "{:>WIDTH$}", heading(metric));
        }
        text.push('\n');
        results
            .outcomes
            .iter()
            .for_each(|outcome| rows(&mut text, outcome, cell, results.seeds));
        text.push('\n');
    }
    for failure in results.outcomes.iter().flat_map(|o| &o.failures) {
        let seed = failure
            .seed
            .map_or(String::new(), |s| format!(", seed {s}"));
        let _ = writeln!(text, "no result: {}{seed}: {}", failure.arm, failure.reason);
    }
    for control in controls(results) {
        let _ = writeln!(text, "{}", control.text);
    }
    text + &legend(results)
}

fn rows(text: &mut String, outcome: &Outcome, cell: &CellKey, seeds: u64) {
    let found = |metric| outcome.comparison(cell, metric);
    if SHOWN.iter().all(|(metric, _)| found(metric).is_none()) {
        let _ = writeln!(
            text,
            "  {:<NAME_WIDTH$}{:>WIDTH$}",
            outcome.name, "no result"
        );
        return;
    }
    let (mut means, mut ranges) = (String::new(), String::new());
    for (metric, digits) in SHOWN {
        let comparison = found(metric);
        let mean = comparison.map_or("-".to_string(), |c| {
            format!("{:.digits$}{}", c.mean_b, mark(c))
        });
        let range = comparison.map_or(String::new(), |c| range(c, *digits));
        let _ = write!(means, "{mean:>WIDTH$}");
        let _ = write!(ranges, "{range:>WIDTH$}");
    }
    let _ = writeln!(text, "  {:<NAME_WIDTH$}{means}", outcome.name);
    let done = match outcome.seeds(cell) {
        done if done < seeds => format!("({done} of {seeds} seeds)"),
        _ => String::new(),
    };
    if outcome.name != super::arms::BASELINE {
        let _ = writeln!(text, "  {done:<NAME_WIDTH$}{ranges}");
    }
}

pub fn range(comparison: &Comparison, digits: usize) -> String {
    let d = &comparison.difference;
    // One pair has a difference and no interval.
    if d.n < 2 {
        return format!("({:+.digits$})", d.estimate);
    }
    format!("[{:+.digits$}, {:+.digits$}]", d.low, d.high)
}

pub fn mark(comparison: &Comparison) -> char {
    match comparison.finding {
        Finding::Better => '+',
        Finding::Worse => '!',
        Finding::Undecided | Finding::TooFew => ' ',
    }
}

/// What the table means, for terminal and page.
pub fn legend(results: &Results) -> String {
    let settings = &results.settings;
    let claims = match results.seeds < MIN_SAMPLES as u64 {
        true => format!("fewer than {MIN_SAMPLES} seeds allow no claim"),
        false => "+ better than EEVDF, ! worse".to_string(),
    };
    format!(
        "Means over {} seed{}; below them the 95 % bootstrap interval of the paired difference to EEVDF; {claims}.\n\
         Linux {}, {} CPUs in virtual time, {} ms a cell after {} ms; a model machine: compare, do not read as fps.\n",
        results.seeds,
        if results.seeds == 1 { "" } else { "s" },
        settings.kernel,
        settings.smp,
        settings.ms,
        settings.settle_ms
    )
}
