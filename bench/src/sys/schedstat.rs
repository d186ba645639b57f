// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel counted for a thread. All of it is kept by core scheduler code for every
//! class, so it judges a sched_ext scheduler without asking it.

use serde::{Deserialize, Serialize};
use std::fs::read_to_string;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadStat {
    /// Time on a CPU.
    pub run_ns: u64,
    /// Time runnable and waiting.
    pub delay_ns: u64,
    /// Times put on a CPU.
    pub runs: u64,
    pub voluntary: u64,
    pub involuntary: u64,
    /// `None` where the kernel shows no /proc/PID/sched.
    pub migrations: Option<u64>,
}

impl ThreadStat {
    /// Of a thread of this process; `None` when it is gone or the kernel keeps no statistics.
    pub fn read(tid: i32) -> Option<Self> {
        let dir = format!("/proc/self/task/{tid}");
        let stat = read_to_string(format!("{dir}/schedstat")).ok()?;
        let status = read_to_string(format!("{dir}/status")).ok()?;
        let sched = read_to_string(format!("{dir}/sched")).unwrap_or_default();
        Self::parse(&stat, &status, &sched)
    }

    fn parse(stat: &str, status: &str, sched: &str) -> Option<Self> {
        let mut words = stat.split_whitespace().map(str::parse);
        let mut next = || words.next()?.ok();
        Some(Self {
            run_ns: next()?,
            delay_ns: next()?,
            runs: next()?,
            voluntary: field(status, "voluntary_ctxt_switches")?,
            involuntary: field(status, "nonvoluntary_ctxt_switches")?,
            migrations: field(sched, "se.nr_migrations"),
        })
    }

    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            run_ns: self.run_ns.saturating_sub(earlier.run_ns),
            delay_ns: self.delay_ns.saturating_sub(earlier.delay_ns),
            runs: self.runs.saturating_sub(earlier.runs),
            voluntary: self.voluntary.saturating_sub(earlier.voluntary),
            involuntary: self.involuntary.saturating_sub(earlier.involuntary),
            migrations: self
                .migrations
                .zip(earlier.migrations)
                .map(|(a, b)| a.saturating_sub(b)),
        }
    }
}

/// The number behind `name` and a colon.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_three_files() {
        let status = "Name:\tx\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t3\n";
        let sched = "x (1, #threads: 1)\nse.nr_migrations          :     12\nprio : 120\n";
        let stat = ThreadStat::parse("100 50 9\n", status, sched).unwrap();
        assert_eq!((stat.run_ns, stat.delay_ns, stat.runs), (100, 50, 9));
        assert_eq!((stat.voluntary, stat.involuntary), (7, 3));
        assert_eq!(stat.migrations, Some(12));
        assert_eq!(
            ThreadStat::parse("1 2 3", status, "").unwrap().migrations,
            None
        );
        assert!(ThreadStat::parse("", status, sched).is_none());
    }

    #[test]
    fn this_kernel_has_it() {
        assert!(ThreadStat::read(crate::sys::sched::gettid()).is_some());
    }
}
