// SPDX-License-Identifier: GPL-2.0-only
//! The table at the end of the demo.

use serde_json::Value;

/// Label, where the number is in a report, digits after the point.
const ROWS: &[(&str, &str, usize)] = &[
    ("input wake delay p50, us", "/input_us/p50", 1),
    ("input wake delay p99, us", "/input_us/p99", 1),
    ("input wake delay max, us", "/input_us/max", 1),
    ("input reports read", "/input_us/count", 0),
    ("frame time p50, ms", "/frame_ms/p50", 2),
    ("frame time p99, ms", "/frame_ms/p99", 2),
    ("frame time max, ms", "/frame_ms/max", 2),
    ("frames", "/frame_ms/frames", 0),
];

pub fn render(metrics: &Value) -> String {
    let (eevdf, photon) = (&metrics["eevdf"], &metrics["photon"]);
    let mut text = format!(
        "{:<28}{:>12}{:>12}{:>10}\n",
        "", "EEVDF", "scx_photon", "ratio"
    );
    for (label, path, digits) in ROWS {
        let value = |report: &Value| report.pointer(path).and_then(Value::as_f64);
        text.push_str(&row(label, value(eevdf), value(photon), *digits));
    }
    text.push_str(&row("background work, CPU s", work(eevdf), work(photon), 2));
    text
}

/// All classes of background work together.
fn work(report: &Value) -> Option<f64> {
    let classes = report.get("work")?.as_object()?;
    Some(classes.values().filter_map(Value::as_f64).sum())
}

fn row(label: &str, eevdf: Option<f64>, photon: Option<f64>, digits: usize) -> String {
    let cell = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{v:.digits$}"));
    let ratio = match (eevdf, photon) {
        (Some(e), Some(p)) if e > 0.0 => format!("{:.3}", p / e),
        _ => "-".to_string(),
    };
    format!(
        "{label:<28}{:>12}{:>12}{ratio:>10}\n",
        cell(eevdf),
        cell(photon)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_have_ratios_and_missing_values_none() {
        let metrics = json!({
            "eevdf": {"input_us": {"p99": 4000.0}, "work": {"hog": 10.0, "fork": 2.0}},
            "photon": {"input_us": {"p99": 40.0}, "work": {"hog": 9.0, "fork": 2.4}},
        });
        let text = render(&metrics);
        let line = |label: &str| {
            text.lines()
                .find(|l| l.starts_with(label))
                .unwrap()
                .to_string()
        };
        assert!(line("input wake delay p99").ends_with("0.010"));
        assert!(line("background work").ends_with("0.950"));
        assert!(line("frames").trim_end().ends_with('-'));
    }
}
