// SPDX-License-Identifier: GPL-2.0-only
//! Sums over threads: per role of the desktop and the game, and per class of background.

use crate::cell::RawCell;
use crate::crew::ThreadReport;
use crate::quantile::mean;
use serde::Serialize;
use std::collections::BTreeMap;

const NS_PER_SEC: f64 = 1e9;
const NS_PER_MS: f64 = 1e6;
const NS_PER_US: f64 = 1e3;
/// Background processes are named by this prefix and their class.
pub const BACKGROUND: &str = "bg:";

/// All threads of one role, `worker-0` to `worker-3` being one.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Role {
    pub threads: usize,
    pub cpu_s: f64,
    pub jobs: u64,
    pub longest_wait_ms: f64,
    /// From here on by the kernel's counters; absent where it keeps none.
    pub run_s: Option<f64>,
    pub delay_s: Option<f64>,
    pub delay_per_run_us: Option<f64>,
    pub runs: Option<u64>,
    pub voluntary: Option<u64>,
    pub involuntary: Option<u64>,
    pub migrations: Option<u64>,
}

/// One class of background.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Class {
    pub threads: usize,
    pub cpu_s: f64,
    pub jobs: u64,
    pub missed: u64,
    /// Shares of single threads; for process churn all processes are one entry.
    pub thread_cpu_min_s: Option<f64>,
    pub thread_cpu_mean_s: Option<f64>,
    pub thread_cpu_max_s: Option<f64>,
    pub longest_wait_ms: f64,
    pub delay_s: Option<f64>,
}

fn add<T: std::ops::Add<Output = T>>(sum: &mut Option<T>, value: Option<T>, first: bool) {
    *sum = match (sum.take(), value) {
        (None, value) if first => value,
        (Some(a), Some(b)) => Some(a + b),
        _ => None,
    };
}

impl Role {
    fn add(&mut self, thread: &ThreadReport) {
        let first = self.threads == 0;
        let (out, stat) = (&thread.out, &thread.stat);
        self.threads += 1;
        self.cpu_s += out.cpu_ns as f64 / NS_PER_SEC;
        self.jobs += out.jobs;
        self.longest_wait_ms = self.longest_wait_ms.max(out.max_wait_ns as f64 / NS_PER_MS);
        let seconds = |ns: u64| ns as f64 / NS_PER_SEC;
        add(&mut self.run_s, stat.map(|s| seconds(s.run_ns)), first);
        add(&mut self.delay_s, stat.map(|s| seconds(s.delay_ns)), first);
        add(&mut self.runs, stat.map(|s| s.runs), first);
        add(&mut self.voluntary, stat.map(|s| s.voluntary), first);
        add(&mut self.involuntary, stat.map(|s| s.involuntary), first);
        add(&mut self.migrations, stat.and_then(|s| s.migrations), first);
        self.delay_per_run_us = self
            .delay_s
            .zip(self.runs)
            .filter(|(_, runs)| *runs > 0)
            .map(|(delay, runs)| delay * NS_PER_SEC / NS_PER_US / runs as f64);
    }
}

/// `stream-1` belongs to `stream`.
fn role_name(role: &str) -> &str {
    role.trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('-')
}

/// Roles of everything that is no background, as `process/role`.
pub fn roles(raw: &RawCell) -> BTreeMap<String, Role> {
    let mut roles = BTreeMap::<String, Role>::new();
    for (process, thread) in raw.threads().filter(|(p, _)| !p.starts_with(BACKGROUND)) {
        let name = format!("{process}/{}", role_name(&thread.role));
        roles.entry(name).or_default().add(thread);
    }
    roles
}

/// Classes of background, by name. The same class twice is one.
pub fn classes(raw: &RawCell) -> BTreeMap<String, Class> {
    let mut threads = BTreeMap::<&str, Vec<&ThreadReport>>::new();
    for (process, thread) in raw.threads() {
        if let Some(class) = process.strip_prefix(BACKGROUND) {
            threads.entry(class).or_default().push(thread);
        }
    }
    threads
        .into_iter()
        .map(|(name, threads)| (name.to_string(), class(&threads)))
        .collect()
}

fn class(threads: &[&ThreadReport]) -> Class {
    let cpu: Vec<f64> = threads
        .iter()
        .map(|t| t.out.cpu_ns as f64 / NS_PER_SEC)
        .collect();
    let delays: Option<Vec<u64>> = threads.iter().map(|t| t.stat.map(|s| s.delay_ns)).collect();
    let wait = threads.iter().map(|t| t.out.max_wait_ns).max();
    Class {
        threads: threads.len(),
        cpu_s: cpu.iter().sum(),
        jobs: threads.iter().map(|t| t.out.jobs).sum(),
        missed: threads.iter().map(|t| t.out.missed).sum(),
        thread_cpu_min_s: cpu.iter().copied().reduce(f64::min),
        thread_cpu_mean_s: mean(&cpu),
        thread_cpu_max_s: cpu.iter().copied().reduce(f64::max),
        longest_wait_ms: wait.unwrap_or(0) as f64 / NS_PER_MS,
        delay_s: delays.map(|d| d.iter().sum::<u64>() as f64 / NS_PER_SEC),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_end_make_no_role() {
        assert_eq!(role_name("worker-12"), "worker");
        assert_eq!(role_name("game"), "game");
        assert_eq!(role_name("browser-timer-0-3"), "browser-timer-0");
    }

    #[test]
    fn a_missing_statistic_is_not_a_zero() {
        let mut sum = None;
        add(&mut sum, Some(2), true);
        add(&mut sum, Some(3), false);
        assert_eq!(sum, Some(5));
        add(&mut sum, None, false);
        add(&mut sum, Some(3), false);
        assert_eq!(sum, None);
    }
}
