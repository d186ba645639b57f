// SPDX-License-Identifier: GPL-2.0-only
//! The table of kernels: one row each, one column for each thing that a kernel may lack, as `scx_photon check` names it.

use crate::guest::{Report, Status};
use crate::marks::Marks;
use crate::matrix::Row;
use serde_json::Value;

pub const MARKS: Marks = Marks {
    begin: "<!-- made by: cargo xtask matrix --flavour generic --write -->\n",
    end: "<!-- end of matrix -->\n",
};

pub fn render(rows: &[Row]) -> String {
    let names = capability_names(rows);
    let mut text = format!(
        "| kernel | attaches | input | frames | EEVDF's | {} | verifier, most | sum |\n",
        names.join(" | ")
    );
    text.push_str(&format!("|{}\n", "---|".repeat(names.len() + 7)));
    for row in rows {
        let mut cells = vec![row.kernel.clone()];
        cells.extend(["attach", "input"].map(|job| word(row.reports.get(job))));
        cells.extend(frames(row));
        cells.extend(names.iter().map(|name| capability(row, name)));
        cells.extend(instructions(row));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let refused: Vec<String> = rows.iter().filter_map(refusal).collect();
    if !refused.is_empty() {
        text.push_str(&format!("\n{}", refused.concat()));
    }
    text
}

/// Why it cannot run there, in its own words, without the list in brackets: names of kernel functions.
fn refusal(row: &Row) -> Option<String> {
    let why = row.reports.get("capabilities")?.metrics["why_not"].as_str()?;
    let (before, after) = why.split_once(" (").unwrap_or((why, ""));
    let after = after.split_once(')').map_or("", |(_, rest)| rest);
    Some(format!("- {}: {before}{after}.\n", row.kernel))
}

fn word(report: Option<&Report>) -> String {
    match report {
        Some(r) if r.status == Status::Pass => "yes".into(),
        Some(r) if r.status == Status::Fail => "NO".into(),
        Some(r) => r.reason.clone(),
        None => "-".into(),
    }
}

/// p50 / p99 in ms and how many per cent were late, under scx_photon and under the kernel's own scheduler.
fn frames(row: &Row) -> [String; 2] {
    let metrics = row.reports.get("frames").map(|r| &r.metrics);
    let cell = |of: Option<&Value>| {
        let number = |key: &str| of?[key].as_f64();
        match (
            number("frame_p50_ms"),
            number("frame_p99_ms"),
            number("late_percent"),
        ) {
            (Some(p50), Some(p99), Some(late)) => format!("{p50:.1} / {p99:.1}, {late:.0} %"),
            _ => "-".into(),
        }
    };
    [cell(metrics), cell(metrics.map(|m| &m["eevdf"]))]
}

fn capabilities(row: &Row) -> &[Value] {
    let report = row.reports.get("capabilities");
    let list = report.and_then(|r| r.metrics["capabilities"].as_array());
    list.map_or(&[], Vec::as_slice)
}

fn capability_names(rows: &[Row]) -> Vec<String> {
    let mut names = Vec::new();
    for name in rows
        .iter()
        .flat_map(capabilities)
        .filter_map(|c| c["name"].as_str())
    {
        if !names.iter().any(|n| n == name) {
            names.push(name.to_string());
        }
    }
    names
}

fn capability(row: &Row, name: &str) -> String {
    let found = capabilities(row).iter().find(|c| c["name"] == name);
    match found.and_then(|c| c["present"].as_bool()) {
        Some(true) => "yes",
        Some(false) => "no",
        None => "-",
    }
    .into()
}

/// Instructions that the verifier went through: of the largest program, and of all.
fn instructions(row: &Row) -> [String; 2] {
    let report = row.reports.get("attach");
    let counts = report.and_then(|r| r.metrics["verified"].as_object());
    let counts: Vec<u64> = counts
        .into_iter()
        .flat_map(|c| c.values())
        .filter_map(Value::as_u64)
        .collect();
    match counts.iter().max() {
        Some(most) => [most.to_string(), counts.iter().sum::<u64>().to_string()],
        None => ["-".into(), "-".into()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(status: Status, metrics: Value) -> Report {
        Report {
            status,
            reason: String::new(),
            metrics,
            seconds: 0.0,
        }
    }

    #[test]
    fn a_row_has_every_cell() {
        let caps = json!({"capabilities": [{"name": "queue peek", "present": false}]});
        let frames = json!({"frame_p50_ms": 13.04, "frame_p99_ms": 14.51, "late_percent": 0.0});
        let verified = json!({"verified": {"a": 5, "b": 7}});
        let rows = [Row {
            kernel: "6.16".into(),
            reports: [
                ("capabilities".to_string(), report(Status::Pass, caps)),
                ("attach".to_string(), report(Status::Pass, verified)),
                ("input".to_string(), report(Status::Fail, Value::Null)),
                ("frames".to_string(), report(Status::Pass, frames)),
            ]
            .into(),
        }];
        let table = render(&rows);
        assert!(
            table.ends_with("| 6.16 | yes | NO | 13.0 / 14.5, 0 % | - | no | 7 | 12 |\n"),
            "{table}"
        );
        let widths: Vec<usize> = table.lines().map(|l| l.matches('|').count()).collect();
        assert!(widths.iter().all(|w| *w == widths[0]), "{table}");
    }

    #[test]
    fn who_is_refused_is_told_why() {
        let why = "the kernel refused the scheduler: its BTF is malformed (a, b); boot another";
        let rows = [Row {
            kernel: "7.1".into(),
            reports: [(
                "capabilities".to_string(),
                report(Status::Pass, json!({"why_not": why})),
            )]
            .into(),
        }];
        let said =
            "\n- 7.1: the kernel refused the scheduler: its BTF is malformed; boot another.\n";
        assert!(render(&rows).ends_with(said), "{}", render(&rows));
    }
}
