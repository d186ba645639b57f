// SPDX-License-Identifier: GPL-2.0-only
//! Two sides of runs, such as a player's own games with and without a scheduler: figures of each,
//! differences with intervals, and a sentence that says no more than they do.

pub mod page;
pub mod text;
mod verdict;

pub use verdict::verdict;

use crate::logs::{self, LogError, Run};
use crate::metrics::cell::Metrics;
use crate::metrics::definitions::{Metric, find};
use crate::quantile::mean;
use crate::stats::{
    Finding, Interval, MIN_RUNS, find_from, independent_difference, paired_difference,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A figure that is shown: key, name for people, digits.
type Shown = (&'static str, &'static str, usize);

/// What the times between frames tell.
pub const OF_TIMES: &[Shown] = &[
    ("fps_avg", "average fps", 1),
    ("fps_p1", "1 % low fps, percentile", 1),
    ("fps_low1", "1 % low fps, average", 1),
    ("fps_low1_integral", "1 % low fps, by time", 1),
    ("fps_p01", "0.1 % low fps, percentile", 1),
    ("fps_low01", "0.1 % low fps, average", 1),
    ("interval_p50_ms", "frame time p50", 2),
    ("interval_p99_ms", "frame time p99", 2),
    ("interval_p999_ms", "frame time p99.9", 2),
    ("interval_max_ms", "longest frame time", 2),
    ("interval_deviation_ms", "deviation", 2),
    ("interval_jitter_ms", "jitter", 2),
    ("stutters_per_min", "stutters", 1),
    ("stutter_time_pct", "time in stutters", 2),
];
/// What only the game in a box knows.
const OF_MODEL: &[Shown] = &[
    ("frame_p50_ms", "making a frame p50", 2),
    ("frame_p99_ms", "making a frame p99", 2),
    ("frames_late", "late or dropped frames", 1),
    ("input_wake_p50_us", "input wake p50", 0),
    ("input_wake_p999_us", "input wake p99.9", 0),
    ("audio_xruns", "audio gaps", 1),
    ("background_cpu_s", "background CPU time", 2),
    ("background_longest_wait_ms", "longest wait behind it", 1),
];
/// What the sentence is about unless told otherwise. Chosen before any figure is seen: of fourteen
/// intervals or more one is likely to miss zero by chance.
pub const HEADLINE: &str = "interval_p99_ms";
/// The same for the game in a box, where the time between images is a multiple of the refresh.
pub const MODEL_HEADLINE: &str = "frame_p99_ms";
/// Below this the 99.9th percentile leans on one frame.
const MANY_FRAMES: usize = 1_000;
/// Of the machine, by the names the logs use; a difference in these explains one in the figures.
const SURROUNDINGS: &[&str] = &[
    "application",
    "os",
    "cpu",
    "gpu",
    "ram",
    "kernel",
    "driver",
    "cpuscheduler",
];

/// How the runs of the two sides belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// Not at all: any number a side.
    None,
    /// The n-th of one with the n-th of the other: same seed, or one after the other.
    ByOrder,
}

#[derive(Clone, Debug)]
pub struct Side {
    pub name: String,
    pub runs: Vec<Run>,
}

impl Side {
    pub fn read(name: &str, paths: &[PathBuf]) -> Result<Side, LogError> {
        let mut runs = Vec::new();
        for path in paths {
            runs.extend(logs::read(path)?);
        }
        Ok(Side {
            name: name.to_string(),
            runs,
        })
    }
}

/// One figure of both sides.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(skip)]
    pub metric: &'static Metric,
    pub key: &'static str,
    pub name: &'static str,
    #[serde(skip)]
    pub digits: usize,
    pub unit: &'static str,
    /// Means over the runs that the difference is of.
    pub a: f64,
    pub b: f64,
    /// B minus A.
    pub difference: Interval,
    pub finding: Finding,
}

/// One a run; none where it does not exist.
fn values(runs: &[Metrics], key: &str) -> Vec<Option<f64>> {
    runs.iter().map(|r| r.get(key).copied()).collect()
}

pub fn compare(a: &Side, b: &Side, pairing: Pairing) -> Vec<Row> {
    let metrics = |side: &Side| side.runs.iter().map(Run::metrics).collect::<Vec<_>>();
    let (of_a, of_b) = (metrics(a), metrics(b));
    let row = |(key, name, digits): &Shown| {
        let metric = find(key)?;
        let (left, right) = (values(&of_a, key), values(&of_b, key));
        let pairs = || left.iter().copied().zip(right.iter().copied());
        let pairs: Vec<_> = pairs().filter_map(|(l, r)| Some((l?, r?))).collect();
        let known = |values: &[Option<f64>]| values.iter().flatten().copied().collect::<Vec<_>>();
        let (left, right) = match pairing {
            Pairing::None => (known(&left), known(&right)),
            // Those that the difference is of: it is that of the two means.
            Pairing::ByOrder => pairs.iter().copied().unzip(),
        };
        let difference = match pairing {
            Pairing::None => independent_difference(&left, &right),
            Pairing::ByOrder => paired_difference(&pairs),
        }?;
        Some(Row {
            metric,
            key,
            name,
            digits: *digits,
            unit: metric.unit,
            a: mean(&left)?,
            b: mean(&right)?,
            difference,
            // What rounds to nothing is nothing, whatever its interval.
            finding: match difference.estimate.abs() < 0.5 * 0.1f64.powi(*digits as i32) {
                true if difference.n >= MIN_RUNS => Finding::Undecided,
                _ => find_from(&difference, metric.better, MIN_RUNS),
            },
        })
    };
    OF_TIMES.iter().chain(OF_MODEL).filter_map(row).collect()
}

/// What to keep in mind: logs that are short, odd, or not of the same machine.
pub fn cautions(a: &Side, b: &Side) -> Vec<String> {
    let runs = || a.runs.iter().chain(&b.runs);
    let mut cautions: Vec<String> = runs()
        .flat_map(|r| r.notes.iter().map(|n| format!("{}: {n}", r.source)))
        .collect();
    cautions.sort();
    // One log may be on both sides.
    cautions.dedup();
    for key in SURROUNDINGS {
        let values: BTreeSet<&str> = runs()
            .filter_map(|r| r.about.get(*key).map(String::as_str))
            .collect();
        if values.len() > 1 {
            let list: Vec<&str> = values.into_iter().collect();
            cautions.push(format!("the logs differ in {key}: {}", list.join(" | ")));
        }
    }
    let short = runs().filter(|r| r.times.len() < MANY_FRAMES).count();
    if short > 0 {
        cautions.push(format!(
            "{short} of {} runs have fewer than {MANY_FRAMES} frames: their 0.1 % figures rest on one frame",
            runs().count()
        ));
    }
    cautions
}

#[cfg(test)]
mod tests;
