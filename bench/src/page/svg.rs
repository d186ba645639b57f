// SPDX-License-Identifier: GPL-2.0-only
//! The three kinds of plots a page has, as SVG text.

use std::fmt::Write;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 36.0;
/// Of a horizontal bar with its gap.
const BAR_ROW: f64 = 20.0;
const BAR_GAP: f64 = 3.0;
const BARS_WIDTH: f64 = 440.0;
const BAR_NAMES: f64 = 126.0;
const BAR_VALUES: f64 = 70.0;
/// Okabe and Ito's, which people who see colours differently can tell apart, and darker ones of them.
const COLOURS: &[&str] = &[
    "#777777", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#b8a900",
    "#004f7c", "#00614a", "#8c3e00", "#8f4f73", "#9c6b00", "#2f7fa8", "#6f6700", "#3d3d3d",
];
/// Logarithmic axes have lines at these multiples of each power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];
const LOWEST_MS: f64 = 0.1;

pub fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// One line of a plot; a point without a value breaks it and is marked at the upper edge.
pub struct Line {
    pub colour: &'static str,
    pub points: Vec<(f64, Option<f64>)>,
}

pub struct Bar {
    pub name: String,
    pub colour: &'static str,
    /// None is a scheduler without a result.
    pub value: Option<Value>,
}

pub struct Value {
    pub mean: f64,
    pub text: String,
    /// Of the interval.
    pub ends: Option<(f64, f64)>,
}

/// Horizontal ticks: place and label.
pub type Ticks = Vec<(f64, String)>;

struct LogAxis {
    low: f64,
    high: f64,
}

impl LogAxis {
    fn of(values: impl Iterator<Item = f64>) -> LogAxis {
        let (mut low, mut high) = (f64::INFINITY, LOWEST_MS);
        for value in values {
            low = low.min(value.max(LOWEST_MS));
            high = high.max(value);
        }
        LogAxis {
            low: step_below(low.min(high)),
            high: step_above(high),
        }
    }

    fn place(&self, value: f64) -> f64 {
        let share = (value.max(self.low) / self.low).ln() / (self.high / self.low).ln();
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }

    fn ticks(&self) -> Vec<f64> {
        let all = steps();
        all.into_iter()
            .filter(|t| (self.low..=self.high).contains(t))
            .collect()
    }
}

/// 0.1 to 50,000 ms: more than any frame takes.
fn steps() -> Vec<f64> {
    (-1..5)
        .flat_map(|power| {
            STEPS.map(|s| {
                if power < 0 {
                    s / 10.0
                } else {
                    s * 10f64.powi(power)
                }
            })
        })
        .collect()
}

fn step_below(value: f64) -> f64 {
    steps()
        .into_iter()
        .rfind(|s| *s < value)
        .unwrap_or(LOWEST_MS / 2.0)
}

fn step_above(value: f64) -> f64 {
    steps()
        .into_iter()
        .find(|s| *s > value)
        .unwrap_or(value * 2.0)
}

/// Milliseconds upwards, logarithmic; `budget` is the frame's period where there is one.
pub fn lines(
    lines: &[Line],
    x_range: (f64, f64),
    ticks: &Ticks,
    x_label: &str,
    budget: Option<f64>,
) -> String {
    let points = || lines.iter().flat_map(|l| &l.points);
    let axis = LogAxis::of(points().filter_map(|p| p.1).chain(budget));
    let (from, to) = x_range;
    let x = |v: f64| LEFT + (v - from) / (to - from).max(f64::EPSILON) * (WIDTH - LEFT - RIGHT);
    let mut svg = format!(r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">"#);
    let right = WIDTH - RIGHT;
    let base = HEIGHT - BOTTOM;
    for tick in axis.ticks() {
        let y = axis.place(tick);
        // Writing to a string cannot fail, here and below.
        let _ = write!(svg, r#"<path class="grid" d="M{LEFT} {y:.1}H{right}"/>"#);
        let _ = write!(
            svg,
            r#"<text x="{}" y="{:.1}" class="end">{tick}</text>"#,
            LEFT - 5.0,
            y + 4.0
        );
    }
    for (place, label) in ticks {
        let x = x(*place);
        let _ = write!(svg, r#"<path class="grid" d="M{x:.1} {TOP}V{base}"/>"#);
        let _ = write!(
            svg,
            r#"<text x="{x:.1}" y="{}" class="mid">{label}</text>"#,
            base + 15.0
        );
    }
    let middle = (LEFT + right) / 2.0;
    let _ = write!(
        svg,
        r#"<text x="{middle}" y="{}" class="mid">{x_label}</text>"#,
        HEIGHT - 5.0
    );
    if let Some(y) = budget.map(|b| axis.place(b)) {
        let _ = write!(svg, r#"<path class="budget" d="M{LEFT} {y:.1}H{right}"/>"#);
    }
    for line in lines {
        svg += &line_path(line, &x, &axis);
    }
    svg + "</svg>"
}

fn line_path(line: &Line, x: &dyn Fn(f64) -> f64, axis: &LogAxis) -> String {
    let (mut path, mut dropped, mut pen_down) = (String::new(), String::new(), false);
    for (at, value) in &line.points {
        let x = x(*at);
        match value {
            Some(value) => {
                // A stroke of no length has round ends: a frame between two dropped ones stays visible.
                let (verb, dot) = if pen_down { ('L', "") } else { ('M', "h0") };
                let _ = write!(path, "{verb}{x:.1} {:.1}{dot}", axis.place(*value));
            }
            None => {
                let _ = write!(
                    dropped,
                    r#"<circle cx="{x:.1}" cy="{TOP}" r="2.5" fill="{}"/>"#,
                    line.colour
                );
            }
        }
        pen_down = value.is_some();
    }
    format!(
        r#"<path class="line" stroke="{}" d="{path}"/>{dropped}"#,
        line.colour
    )
}

/// Horizontal bars from zero, with intervals.
pub fn bars(bars: &[Bar]) -> String {
    let values = bars.iter().filter_map(|b| b.value.as_ref());
    let ends = values.map(|v| v.ends.map_or(v.mean, |(_, high)| high.max(v.mean)));
    let highest = ends.fold(f64::EPSILON, f64::max);
    let height = bars.len() as f64 * BAR_ROW + BAR_GAP;
    let length = |v: f64| v.max(0.0) / highest * (BARS_WIDTH - BAR_NAMES - BAR_VALUES);
    let mut svg = format!(r#"<svg viewBox="0 0 {BARS_WIDTH} {height}" role="img">"#);
    for (row, bar) in bars.iter().enumerate() {
        let top = row as f64 * BAR_ROW + BAR_GAP;
        let (names, text_y) = (BAR_NAMES - 6.0, top + 12.0);
        let _ = write!(
            svg,
            r#"<text x="{names}" y="{text_y}" class="end">{}</text>"#,
            bar.name
        );
        svg += &match &bar.value {
            Some(value) => one_bar(value, bar.colour, top, &length),
            None => format!(r#"<text x="{BAR_NAMES}" y="{text_y}">no result</text>"#),
        };
    }
    svg + "</svg>"
}

fn one_bar(value: &Value, colour: &str, top: f64, length: &dyn Fn(f64) -> f64) -> String {
    let (mut end, height) = (length(value.mean), BAR_ROW - BAR_GAP - 2.0);
    let mut svg = format!(
        r#"<rect x="{BAR_NAMES}" y="{top}" width="{end:.1}" height="{height}" fill="{colour}"/>"#
    );
    if let Some((low, high)) = value.ends {
        let (from, to) = (BAR_NAMES + length(low), BAR_NAMES + length(high));
        let middle = top + height / 2.0;
        let (above, below) = (middle - 4.0, middle + 4.0);
        let _ = write!(
            svg,
            r#"<path class="whisker" d="M{from:.1} {middle}H{to:.1}M{from:.1} {above}V{below}M{to:.1} {above}V{below}"/>"#
        );
        end = end.max(length(high));
    }
    let (x, y) = (BAR_NAMES + end + 6.0, top + 12.0);
    svg + &format!(r#"<text x="{x:.1}" y="{y}">{}</text>"#, value.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_enclose_their_values() {
        let axis = LogAxis::of([3.0, 40.0].into_iter());
        assert_eq!((axis.low, axis.high), (2.0, 50.0));
        assert_eq!(axis.ticks(), [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert!(axis.place(40.0) < axis.place(3.0));
        assert!(LogAxis::of(std::iter::empty()).place(1.0).is_finite());
    }

    #[test]
    fn a_dropped_frame_breaks_the_line() {
        let line = Line {
            colour: "red",
            points: vec![(0.0, Some(5.0)), (1.0, None), (2.0, Some(6.0))],
        };
        let svg = lines(&[line], (0.0, 2.0), &vec![], "s", Some(16.7));
        assert_eq!(svg.matches("<circle").count(), 1);
        assert_eq!(svg.matches('L').count(), 0);
    }
}
