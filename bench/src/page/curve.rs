// SPDX-License-Identifier: GPL-2.0-only
//! Frame times by percentile: each part of the curve shows ten times fewer frames than the one before.

use super::svg::{self, Line, Ticks};
use crate::quantile::{quantile, sorted};

/// The curve shows 1 - 10^-x.
const POINTS: u32 = 120;
const END: f64 = 3.0;
const TICKS_PERCENT: [f64; 5] = [0.0, 50.0, 90.0, 99.0, 99.9];

/// One list of frame times, milliseconds; a dropped frame took for ever, and ends the line above what was shown.
pub struct Times {
    pub colour: &'static str,
    pub ms: Vec<f64>,
}

/// `budget` is the frame's period in milliseconds where there is one.
pub fn render(all: impl IntoIterator<Item = Times>, budget: Option<f64>) -> String {
    let lines: Vec<Line> = all.into_iter().map(line).collect();
    let percent = |p: f64| (-(1.0 - p / 100.0).log10(), format!("{p} %"));
    let ticks: Ticks = TICKS_PERCENT.map(percent).to_vec();
    let label = "share of frames that took no longer";
    svg::lines(&lines, (0.0, END), &ticks, label, budget)
}

fn line(times: Times) -> Line {
    let ms = sorted(times.ms);
    let point = |n: u32| {
        let x = END * f64::from(n) / f64::from(POINTS);
        let time = quantile(&ms, 1.0 - 10f64.powf(-x));
        (x, time.filter(|t| t.is_finite()))
    };
    let points = (0..=POINTS).map(point);
    Line {
        colour: times.colour,
        points: points.take_while(|(_, time)| time.is_some()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(ms: Vec<f64>) -> Vec<(f64, Option<f64>)> {
        let colour = "red";
        line(Times { colour, ms }).points
    }

    #[test]
    fn a_line_ends_where_frames_were_dropped() {
        let mut ms: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        let all = points(ms.clone());
        assert_eq!(all.len(), POINTS as usize + 1);
        assert_eq!(all[0], (0.0, Some(1.0)));
        // A tenth of them: at 90 %, a third of the way.
        ms[..100].fill(f64::INFINITY);
        let (x, last) = *points(ms).last().unwrap();
        assert!((0.97..=1.0).contains(&x), "{x}");
        assert!(last.is_some_and(|t| t > 890.0 && t < 901.0), "{last:?}");
        assert!(points(vec![]).is_empty());
    }
}
