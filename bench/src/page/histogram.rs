// SPDX-License-Identifier: GPL-2.0-only
//! A histogram a row, all on one logarithmic axis of milliseconds: shapes that lie over one another hide each other.

use super::escaped;
use std::fmt::Write;

const WIDTH: f64 = 560.0;
const NAMES: f64 = 100.0;
const RIGHT: f64 = 80.0;
const ROW: f64 = 26.0;
const ROW_GAP: f64 = 5.0;
const BOTTOM: f64 = 36.0;
/// Below the first mark everything is one bin: nobody sees a tenth of a millisecond.
const LOWEST_MS: f64 = 0.1;
const BINS_PER_DECADE: f64 = 12.0;
/// Axis marks, as far as the values reach.
const MARKS: [f64; 11] = [
    0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0,
];

pub struct Row {
    pub name: String,
    pub colour: &'static str,
    /// Milliseconds; none has no place on the axis and is counted at its end.
    pub values: Vec<Option<f64>>,
}

fn bin(ms: f64) -> usize {
    ((ms.max(LOWEST_MS) / LOWEST_MS).log10() * BINS_PER_DECADE) as usize
}

/// Share of all values in each bin.
fn shares(values: &[Option<f64>], bins: usize) -> Vec<f64> {
    let mut counts = vec![0usize; bins];
    for ms in values.iter().flatten() {
        counts[bin(*ms).min(bins - 1)] += 1;
    }
    let all = values.len().max(1) as f64;
    counts.iter().map(|n| *n as f64 / all).collect()
}

/// `missing` says what a value that is none means.
pub fn render(rows: &[Row], x_label: &str, missing: &str) -> String {
    let values = rows.iter().flat_map(|r| &r.values).flatten();
    let highest = values.fold(LOWEST_MS, |a, b| a.max(*b));
    let bins = bin(highest) + 1;
    let plot = WIDTH - NAMES - RIGHT;
    let x = |bin: f64| NAMES + bin / bins as f64 * plot;
    let base = rows.len() as f64 * ROW;
    let height = base + BOTTOM;
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {height}" role="img">"#);
    let place = |mark: f64| (mark / LOWEST_MS).log10() * BINS_PER_DECADE;
    for mark in MARKS.iter().filter(|m| place(**m) <= bins as f64) {
        let at = x(place(*mark));
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            svg,
            r#"<path class="grid" d="M{at:.1} 0V{base}"/><text x="{at:.1}" y="{}" class="mid">{mark}</text>"#,
            base + 15.0
        );
    }
    let _ = write!(
        svg,
        r#"<text x="{}" y="{}" class="mid">{}</text>"#,
        NAMES + plot / 2.0,
        height - 5.0,
        escaped(x_label)
    );
    for (index, row) in rows.iter().enumerate() {
        svg += &one(row, index as f64 * ROW, bins, &x, missing);
    }
    svg + "</svg>"
}

fn one(row: &Row, top: f64, bins: usize, x: &dyn Fn(f64) -> f64, missing: &str) -> String {
    let shares = shares(&row.values, bins);
    let most = shares.iter().copied().fold(f64::EPSILON, f64::max);
    let base = top + ROW;
    let mut svg = format!(
        r#"<text x="{}" y="{}" class="end">{}</text><path class="grid" d="M{NAMES} {base}H{:.1}"/>"#,
        NAMES - 6.0,
        base - 5.0,
        escaped(&row.name),
        x(bins as f64)
    );
    for (bin, share) in shares.iter().enumerate().filter(|(_, s)| **s > 0.0) {
        let (from, to) = (x(bin as f64), x(bin as f64 + 1.0));
        // A single frame stays visible.
        let tall = (share / most * (ROW - ROW_GAP)).max(1.0);
        let _ = write!(
            svg,
            r#"<rect x="{from:.1}" y="{:.1}" width="{:.1}" height="{tall:.1}" fill="{}"/>"#,
            base - tall,
            to - from - 0.5,
            row.colour
        );
    }
    let gone = row.values.iter().filter(|v| v.is_none()).count();
    if gone > 0 {
        let _ = write!(
            svg,
            r#"<text x="{:.1}" y="{}">{gone} {}</text>"#,
            x(bins as f64) + 6.0,
            base - 5.0,
            escaped(missing)
        );
    }
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_their_bins() {
        assert_eq!((bin(-1.0), bin(0.1), bin(1.0), bin(10.01)), (0, 0, 12, 24));
        let values = [Some(0.05), Some(1.0), Some(1.01), None];
        let shares = shares(&values, 13);
        assert_eq!((shares[0], shares[12]), (0.25, 0.5));
        assert_eq!(shares.iter().sum::<f64>(), 0.75);
    }

    #[test]
    fn what_is_missing_is_written() {
        let row = Row {
            name: "a<b".into(),
            colour: "red",
            values: vec![Some(0.2), Some(20.0), None],
        };
        let svg = render(&[row], "ms", "dropped");
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.contains(">1 dropped<") && svg.contains("a&lt;b"));
        assert!(render(&[], "ms", "").ends_with("</svg>"));
    }
}
