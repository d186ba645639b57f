// SPDX-License-Identifier: GPL-2.0-only
//! Metrics of frame times in milliseconds. Reviewers mean different things by the same words;
//! each meaning has its own function here, and no figure is made up for an empty list.

use super::cell::Metrics;
use crate::quantile::{mean, quantile, sorted};

const MS_PER_SEC: f64 = 1000.0;
const MS_PER_MIN: f64 = 60.0 * MS_PER_SEC;
/// A frame this many times the median is a stutter.
pub const STUTTER_FACTOR: f64 = 2.0;

/// Frames per second over the whole run: count / total time, never the mean of per-frame rates.
pub fn average_fps(ft: &[f64]) -> Option<f64> {
    mean(ft).map(|m| MS_PER_SEC / m)
}

/// "1 % low" as a percentile (`share` 0.01): the rate of the frame that only 1 % are slower than.
/// CapFrameX calls it P1; MangoHud's "1% min" is the same up to interpolation.
pub fn percentile_fps(ft: &[f64], share: f64) -> Option<f64> {
    quantile(&sorted(ft.to_vec()), 1.0 - share).map(|ms| MS_PER_SEC / ms)
}

/// "1 % low" as an average: the rate of the slowest 1 % of the frames together.
pub fn low_average_fps(ft: &[f64], share: f64) -> Option<f64> {
    let all = sorted(ft.to_vec());
    let bound = quantile(&all, 1.0 - share)?;
    let slow: Vec<f64> = all.into_iter().filter(|ms| *ms >= bound).collect();
    average_fps(&slow)
}

/// "1 % low" by time: the slowest frames that fill 1 % of the *time*; the rate of the fastest of
/// them. CapFrameX has it as equivalent to MSI Afterburner's.
pub fn low_integral_fps(ft: &[f64], share: f64) -> Option<f64> {
    let all = sorted(ft.to_vec());
    let budget = all.iter().sum::<f64>() * share;
    let mut filled = 0.0;
    let reached = |ms: &&f64| {
        filled += **ms;
        filled >= budget
    };
    all.iter().rev().find(reached).map(|ms| MS_PER_SEC / ms)
}

/// Frames longer than twice the median.
pub fn stutters(ft: &[f64]) -> Option<usize> {
    let bound = STUTTER_FACTOR * quantile(&sorted(ft.to_vec()), 0.5)?;
    Some(ft.iter().filter(|ms| **ms > bound).count())
}

/// Share of the time spent in stutters, percent.
pub fn stutter_time_percent(ft: &[f64]) -> Option<f64> {
    let bound = STUTTER_FACTOR * quantile(&sorted(ft.to_vec()), 0.5)?;
    let total: f64 = ft.iter().sum();
    // Not `sum`: of nothing that is -0.
    let slow = ft.iter().filter(|ms| **ms > bound);
    let stuttering = slow.fold(0.0, |sum, ms| sum + ms);
    (total > 0.0).then(|| stuttering / total * 100.0)
}

/// Standard deviation (of the population: the run is all there is).
pub fn deviation(ft: &[f64]) -> Option<f64> {
    let m = mean(ft)?;
    mean(&ft.iter().map(|x| (x - m).powi(2)).collect::<Vec<_>>()).map(f64::sqrt)
}

/// Change from one frame to the next, median.
pub fn jitter(ft: &[f64]) -> Option<f64> {
    let steps = ft.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    quantile(&sorted(steps), 0.5)
}

/// Refreshes that showed no new frame though one was due: each interval's whole periods beyond
/// the first.
pub fn missed_vblanks(intervals: &[f64], period_ms: f64) -> u64 {
    let missed = |ms: &f64| ((ms / period_ms).round() as u64).saturating_sub(1);
    intervals.iter().map(missed).sum()
}

/// Step of the simulated time minus step of the displayed time, per frame after the first,
/// absolute. Pairs are (time the game simulated, time it was seen).
pub fn animation_errors(frames: &[(f64, f64)]) -> Vec<f64> {
    frames
        .windows(2)
        .map(|w| ((w[1].0 - w[0].0) - (w[1].1 - w[0].1)).abs())
        .collect()
}

/// Everything that follows from the times between frames alone: for the game in a box and for a
/// player's own logs.
pub fn of_intervals(list: &[f64]) -> Metrics {
    let ordered = sorted(list.to_vec());
    let total: f64 = list.iter().sum();
    let stutters = stutters(list).map(|n| n as f64);
    let figures = [
        ("fps_avg", average_fps(list)),
        ("fps_p1", percentile_fps(list, 0.01)),
        ("fps_p01", percentile_fps(list, 0.001)),
        ("fps_low1", low_average_fps(list, 0.01)),
        ("fps_low01", low_average_fps(list, 0.001)),
        ("fps_low1_integral", low_integral_fps(list, 0.01)),
        ("interval_p50_ms", quantile(&ordered, 0.5)),
        ("interval_p99_ms", quantile(&ordered, 0.99)),
        ("interval_p999_ms", quantile(&ordered, 0.999)),
        ("interval_max_ms", quantile(&ordered, 1.0)),
        ("interval_deviation_ms", deviation(list)),
        ("interval_jitter_ms", jitter(list)),
        ("stutters", stutters),
        (
            "stutters_per_min",
            stutters.map(|n| n / (total / MS_PER_MIN)),
        ),
        ("stutter_time_pct", stutter_time_percent(list)),
    ];
    // A rate over no time is no figure.
    let known = figures
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    known.filter(|(_, value)| value.is_finite()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred frames: 95 of 10 ms, four of 20, one of 50. Total 1080 ms.
    fn trace() -> Vec<f64> {
        let mut ft = vec![10.0; 95];
        ft.extend([20.0, 20.0, 20.0, 20.0, 50.0]);
        ft
    }

    fn close(got: Option<f64>, expected: f64) {
        let got = got.unwrap();
        assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
    }

    #[test]
    fn hand_written_trace() {
        let ft = trace();
        close(average_fps(&ft), 100.0 * 1000.0 / 1080.0);
        // Rank 0.99 * 99 = 98.01: one hundredth of the way from 20 to 50 ms.
        close(percentile_fps(&ft, 0.01), 1000.0 / 20.3);
        // Rank 98.901.
        close(percentile_fps(&ft, 0.001), 1000.0 / 47.03);
        // Only the 50 ms frame is at or beyond 20.3 ms.
        close(low_average_fps(&ft, 0.01), 20.0);
        // 1 % of 1080 ms is 10.8 ms: the 50 ms frame fills it alone.
        close(low_integral_fps(&ft, 0.01), 20.0);
        // 10 % of the time is 108 ms: 50 + 20 + 20 + 20 reach it; of the frames: the slowest ten.
        close(low_integral_fps(&ft, 0.1), 50.0);
        close(percentile_fps(&ft, 0.1), 100.0);
        // 20 is not more than twice 10: one stutter.
        assert_eq!(stutters(&ft), Some(1));
        close(stutter_time_percent(&ft), 50.0 / 1080.0 * 100.0);
        // Deviations: 95 x -0.8, 4 x 9.2, 39.2.
        let variance = (95.0 * 0.64 + 4.0 * 84.64 + 1536.64) / 100.0;
        close(deviation(&ft), f64::sqrt(variance));
        close(jitter(&ft), 0.0);
        assert_eq!(missed_vblanks(&ft, 10.0), 4 + 4);
    }

    #[test]
    fn all_figures_of_a_trace() {
        let all = of_intervals(&trace());
        assert_eq!(all["interval_p50_ms"], 10.0);
        close(all.get("interval_p999_ms").copied(), 47.03);
        assert_eq!(all["interval_max_ms"], 50.0);
        close(all.get("stutters_per_min").copied(), 60_000.0 / 1080.0);
        for key in all.keys() {
            assert!(crate::metrics::definitions::find(key).is_some(), "{key}");
        }
        assert!(of_intervals(&[]).is_empty());
        assert!(of_intervals(&[0.0, 0.0]).values().all(|v| v.is_finite()));
    }

    #[test]
    fn the_three_lows_differ() {
        // Ten frames of 100 ms among ninety of 10: 10 % of the frames are 53 % of the time.
        let mut ft = vec![10.0; 90];
        ft.extend([100.0; 10]);
        close(percentile_fps(&ft, 0.2), 100.0);
        // All frames are at or beyond the 80th percentile, which is 10 ms.
        close(low_average_fps(&ft, 0.2), 100.0 * 1000.0 / 1900.0);
        close(low_integral_fps(&ft, 0.2), 10.0);
    }

    #[test]
    fn animation_error_by_hand() {
        // Even simulation, one frame seen 5 ms late: two steps of the display are off by 5.
        let frames = [(0.0, 20.0), (10.0, 30.0), (20.0, 45.0), (30.0, 50.0)];
        assert_eq!(animation_errors(&frames), vec![0.0, 5.0, 5.0]);
        // The same unevenness in both is right to the eye.
        let frames = [(0.0, 20.0), (15.0, 35.0), (20.0, 40.0)];
        assert_eq!(animation_errors(&frames), vec![0.0, 0.0]);
    }

    #[test]
    fn nothing_in_nothing_out() {
        assert_eq!(average_fps(&[]), None);
        assert_eq!(percentile_fps(&[], 0.01), None);
        assert_eq!(low_average_fps(&[], 0.01), None);
        assert_eq!(low_integral_fps(&[], 0.01), None);
        assert_eq!(stutters(&[]), None);
        assert_eq!(deviation(&[]), None);
        assert_eq!(jitter(&[5.0]), None);
        assert!(animation_errors(&[(0.0, 0.0)]).is_empty());
    }
}
