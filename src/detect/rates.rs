// SPDX-License-Identifier: GPL-2.0-only
//! How many GPU submissions a second each process makes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A rate over less is noise.
const RATE_PERIOD: Duration = Duration::from_millis(500);

/// Submissions a second, from two counts.
#[derive(Default)]
pub struct Rates {
    counts: HashMap<u32, u64>,
    rates: HashMap<u32, f64>,
    at: Option<Instant>,
}

impl Rates {
    pub fn update(&mut self, counts: HashMap<u32, u64>) {
        let now = Instant::now();
        let period = self.at.map(|at| now.duration_since(at));
        if period.is_some_and(|p| p < RATE_PERIOD) {
            return;
        }
        if let Some(period) = period {
            let before = |pid: &u32| self.counts.get(pid).copied().unwrap_or(0);
            let rate = |(pid, n): (&u32, &u64)| {
                let made = n.saturating_sub(before(pid));
                (*pid, made as f64 / period.as_secs_f64())
            };
            self.rates = counts.iter().map(rate).collect();
        }
        self.counts = counts;
        self.at = Some(now);
    }

    pub fn of(&self, pid: u32) -> f64 {
        self.rates.get(&pid).copied().unwrap_or(0.0)
    }
}
