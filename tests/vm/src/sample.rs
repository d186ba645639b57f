// SPDX-License-Identifier: GPL-2.0-only
//! The statistics a running scx_photon prints with `--stats SEC --json`.

use crate::photon::Photon;
use crate::scenario::Fail;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Flags for a daemon whose statistics a scenario wants to read. Twice the kernel part's own period, so that every
/// line is a new sum.
pub const STATS: [&str; 3] = ["--stats", "0.2", "--json"];
/// The kernel part sums its counters every 100 ms, and a printed line is at most one period of ours old.
const SETTLED_NS: u64 = 300_000_000;
/// A starved host takes more than 20 s to load the scheduler again on 8 CPUs.
const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

#[derive(Clone, Debug)]
pub struct Sample(Value);

impl Sample {
    /// Everything that had happened before the call is in it.
    pub fn settled(photon: &Photon) -> Result<Self, Fail> {
        let begin = Instant::now();
        let mut first = None;
        while begin.elapsed() < LIMIT {
            std::thread::sleep(POLL);
            let Some(now) = Self::last(photon) else {
                continue;
            };
            let since = *first.get_or_insert(now.at_ns());
            if now.at_ns() >= since + SETTLED_NS {
                return Ok(now);
            }
        }
        let log = photon.log();
        let last = log.lines().last().unwrap_or_default();
        Err(Fail::failed(format!(
            "no new statistics for {LIMIT:?}; {last}"
        )))
    }

    /// The last complete line.
    pub fn last(photon: &Photon) -> Option<Self> {
        let text = photon.stdout();
        let (complete, _) = text.rsplit_once('\n')?;
        serde_json::from_str(complete.lines().last()?)
            .ok()
            .map(Sample)
    }

    fn number(&self, pointer: &str) -> Result<u64, Fail> {
        let value = self.0.pointer(pointer).and_then(Value::as_u64);
        value.ok_or_else(|| Fail::failed(format!("the statistics have no {pointer}")))
    }

    fn at_ns(&self) -> u64 {
        self.0["at_ns"].as_u64().unwrap_or(0)
    }

    pub fn counters(&self) -> Result<&serde_json::Map<String, Value>, Fail> {
        let counters = self.0["counters"].as_object();
        counters.ok_or_else(|| Fail::failed("the statistics have no counters"))
    }

    pub fn counter(&self, name: &str) -> Result<u64, Fail> {
        self.number(&format!("/counters/{name}"))
    }

    pub fn reports(&self, class: &str) -> Result<u64, Fail> {
        self.number(&format!("/input/{class}/reports"))
    }

    /// Events written to each ring.
    pub fn ring_events(&self) -> Result<Vec<u64>, Fail> {
        self.rings("events")
    }

    /// What every ring has under this name.
    pub fn rings(&self, name: &str) -> Result<Vec<u64>, Fail> {
        let rings = self.0["rings"].as_array();
        let rings = rings.ok_or_else(|| Fail::failed("the statistics have no rings"))?;
        let values: Option<Vec<u64>> = rings.iter().map(|r| r[name].as_u64()).collect();
        values.ok_or_else(|| Fail::failed(format!("a ring has no {name}")))
    }

    pub fn display(&self, name: &str) -> Result<u64, Fail> {
        self.number(&format!("/display/{name}"))
    }

    /// The measured vblank period of the first display.
    pub fn vblank_period_us(&self) -> Result<f64, Fail> {
        let period = self
            .0
            .pointer("/display/period_us/0")
            .and_then(Value::as_f64);
        period.ok_or_else(|| Fail::failed("the statistics have no vblank period"))
    }

    /// From the making of a fence to its signal: half of them took less.
    pub fn fence_us(&self) -> Result<f64, Fail> {
        let median = self.0.pointer("/display/fence_us/p50");
        let median = median.and_then(Value::as_f64);
        median.ok_or_else(|| Fail::failed("the statistics have no fence times"))
    }

    /// The name of the game that is played.
    pub fn game(&self) -> Result<String, Fail> {
        let name = self.0.pointer("/game/name").and_then(Value::as_str);
        let name = name.ok_or_else(|| Fail::failed("the statistics have no game"))?;
        Ok(name.to_string())
    }

    pub fn layout(&self, name: &str) -> Result<u64, Fail> {
        self.number(&format!("/layout/{name}"))
    }
}
