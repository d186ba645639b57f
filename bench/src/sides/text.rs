// SPDX-License-Identifier: GPL-2.0-only
//! A comparison for the terminal and for programs.

use super::verdict::label;
use super::{Row, Side, cautions};
use crate::stats::Finding;
use serde_json::{Value, json};
use std::fmt::Write;

/// Raised when a reader of the JSON would have to change.
const SCHEMA: u32 = 1;
const MS_PER_S: f64 = 1000.0;
const NAME_WIDTH: usize = 32;
const WIDTH: usize = 12;
/// Longer names are cut: the columns hold figures.
const LONGEST_NAME: usize = WIDTH - 1;

pub fn mark(finding: Finding) -> &'static str {
    match finding {
        Finding::Better => "better",
        Finding::Worse => "worse",
        Finding::Undecided => "",
        Finding::TooFew => "too few runs",
    }
}

/// The runs, the figures and the sentence.
pub fn table(rows: &[Row], a: &Side, b: &Side, verdict: &str) -> String {
    let mut text = String::new();
    for side in [a, b] {
        let seconds: f64 = side.runs.iter().flat_map(|r| &r.times).sum::<f64>() / MS_PER_S;
        let frames: usize = side.runs.iter().map(|r| r.times.len()).sum();
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "{}: {} runs, {frames} frames, {seconds:.1} s",
            side.name,
            side.runs.len()
        );
    }
    let cut = |name: &str| name.chars().take(LONGEST_NAME).collect::<String>();
    let _ = writeln!(
        text,
        "\n{:<NAME_WIDTH$}{:>WIDTH$}{:>WIDTH$}   difference, 95 % interval",
        "mean over the runs",
        cut(&a.name),
        cut(&b.name)
    );
    for row in rows {
        let digits = row.digits;
        let range = format!(
            "{:+.digits$} [{:+.digits$}, {:+.digits$}]",
            row.difference.estimate, row.difference.low, row.difference.high
        );
        let line = format!(
            "{:<NAME_WIDTH$}{:>WIDTH$.digits$}{:>WIDTH$.digits$}   {range:<28} {}",
            label(row),
            row.a,
            row.b,
            mark(row.finding)
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    for caution in cautions(a, b) {
        let _ = writeln!(text, "note: {caution}");
    }
    text += "note: one in 20 of these intervals misses by chance; the sentence is about one chosen beforehand\n";
    let _ = writeln!(text, "\n{verdict}");
    text
}

pub fn json(rows: &[Row], a: &Side, b: &Side, verdict: &str) -> Value {
    let side = |s: &Side| {
        let runs: Vec<Value> = s
            .runs
            .iter()
            .map(|r| {
                json!({"source": r.source, "frames": r.times.len(), "about": r.about,
                       "metrics": r.metrics()})
            })
            .collect();
        json!({"name": s.name, "runs": runs})
    };
    json!({"schema": SCHEMA, "a": side(a), "b": side(b), "rows": rows,
           "notes": cautions(a, b), "verdict": verdict})
}
