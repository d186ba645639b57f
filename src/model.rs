// SPDX-License-Identifier: GPL-2.0-only
//! Statistics as values: what was read from the kernel part at one moment, and
//! what follows from it. Pure; reading is the loader's, printing is the stats'.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bpf::intf;

/// Sub-buckets an octave and the first octave of `policy/histogram.h`.
const SUB_SHIFT: u32 = intf::HIST_SUB_SHIFT;
const MIN_SHIFT: u32 = intf::HIST_MIN_SHIFT;
pub const NS_PER_US: f64 = 1e3;

/// The names of the device classes, indexed by `enum device_class`.
pub const DEVICE_CLASSES: [&str; intf::device_class_NR_DEVICE_CLASSES as usize] =
    ["mouse", "keyboard", "pad", "touch", "tablet", "other"];

#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Reports {
    pub reports: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Ring {
    /// Events written by the kernel part.
    pub events: u64,
    /// Events overwritten before this daemon had read them.
    pub drops: u64,
    /// Events this daemon has read.
    pub read: u64,
}

/// Wake-to-run delay, in microseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Delay {
    pub count: u64,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Layout {
    pub task_ctx_mod64: u64,
    pub cpu_ctx_mod64: u64,
}

/// What the display probe has seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Display {
    /// Tracepoints it is attached to, of four.
    pub probes: u64,
    pub vblanks: u64,
    /// GPU fences signalled, and made by processes.
    pub fences: u64,
    pub submits: u64,
    /// Measured vblank period of each display that has had vblanks.
    pub period_us: Vec<f64>,
    /// From the making of a fence to its signal.
    pub fence_us: Delay,
}

/// The game that is played; all empty if none is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Game {
    pub pid: u32,
    pub name: String,
    pub why: String,
    /// It and those that work for it.
    pub processes: u64,
}

/// Everything `--stats`, `--monitor` and the stats socket show. Cumulative.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Sample {
    /// ns of CLOCK_MONOTONIC: the last counter sum.
    pub at_ns: u64,
    pub counters: BTreeMap<String, u64>,
    pub rings: Vec<Ring>,
    pub input: BTreeMap<String, Reports>,
    pub input_delay_us: Delay,
    pub display: Display,
    pub game: Game,
    pub layout: Layout,
}

impl Sample {
    /// All devices together: when keys are pressed is nobody else's business. And all rings: a keyboard and a mouse often
    /// interrupt different CPUs.
    pub fn one_input(&mut self) {
        self.rings = vec![self.rings.iter().fold(Ring::default(), |all, ring| Ring {
            events: all.events + ring.events,
            drops: all.drops + ring.drops,
            read: all.read + ring.read,
        })];
        let reports = self.input.values().map(|r| r.reports).sum();
        self.input = BTreeMap::from([("all".to_string(), Reports { reports })]);
    }
}

/// Lower edge in nanoseconds of a histogram bucket.
fn bucket_floor(bucket: usize) -> f64 {
    if bucket == 0 {
        return 0.0;
    }
    let index = bucket as u32 - 1;
    let octave = MIN_SHIFT + (index >> SUB_SHIFT);
    let sub = f64::from(index & ((1 << SUB_SHIFT) - 1)) / f64::from(1 << SUB_SHIFT);
    2f64.powi(octave as i32) * (1.0 + sub)
}

/// The value below which a share `q` of the samples lies: the middle of its
/// bucket, so within 13 % of the truth.
fn quantile(buckets: &[u64], q: f64) -> f64 {
    let total: u64 = buckets.iter().sum();
    let target = (q * total as f64).ceil().max(1.0) as u64;
    let mut seen = 0;
    for (i, n) in buckets.iter().enumerate() {
        seen += n;
        if seen >= target {
            return (bucket_floor(i) + bucket_floor(i + 1)) / 2.0;
        }
    }
    0.0
}

impl Delay {
    /// From the summed histogram and the greatest value seen.
    pub fn from_buckets(buckets: &[u64], max_ns: u64) -> Self {
        let max = max_ns as f64 / NS_PER_US;
        Delay {
            count: buckets.iter().sum(),
            p50: (quantile(buckets, 0.5) / NS_PER_US).min(max),
            p99: (quantile(buckets, 0.99) / NS_PER_US).min(max),
            max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKETS: usize = intf::HIST_BUCKETS as usize;

    #[test]
    fn bucket_edges_are_log_linear() {
        assert_eq!(bucket_floor(0), 0.0);
        assert_eq!(bucket_floor(1), 256.0);
        assert_eq!(bucket_floor(2), 320.0);
        assert_eq!(bucket_floor(5), 512.0);
    }

    #[test]
    fn quantiles_of_known_counts() {
        let mut buckets = vec![0u64; BUCKETS];
        buckets[1] = 98; // 256..320 ns
        buckets[5] = 2; // 512..640 ns
        let d = Delay::from_buckets(&buckets, 600);
        assert_eq!(d.count, 100);
        assert!((d.p50 - 0.288).abs() < 1e-9, "{d:?}");
        assert!((d.p99 - 0.576).abs() < 1e-9, "{d:?}");
        assert!((d.max - 0.6).abs() < 1e-9);
    }

    /// Whose ring is written to tells a keyboard from a mouse, and so does the count of its class.
    #[test]
    fn one_input_is_one_ring_and_one_count() {
        let ring = |events, drops, read| Ring {
            events,
            drops,
            read,
        };
        let count = |class: &str, reports| (class.to_string(), Reports { reports });
        let mut sample = Sample {
            rings: vec![ring(5, 1, 4), ring(70, 2, 60)],
            input: BTreeMap::from([count("keyboard", 5), count("mouse", 70), count("pad", 0)]),
            ..Sample::default()
        };
        sample.one_input();
        assert_eq!(sample.rings, [ring(75, 3, 64)]);
        assert_eq!(sample.input, BTreeMap::from([count("all", 75)]));
    }

    #[test]
    fn no_samples_no_numbers() {
        let d = Delay::from_buckets(&[0; BUCKETS], 0);
        assert_eq!(d, Delay::default());
    }
}
