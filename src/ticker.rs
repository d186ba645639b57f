// SPDX-License-Identifier: GPL-2.0-only
//! Statistics a period, when asked for.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::cli::Cli;
use crate::model::Sample;
use crate::stats::Printer;

/// How often the daemon empties rings that did not ask for it.
const POLL: Duration = Duration::from_secs(1);

/// When statistics are due, and how they are printed.
pub struct Ticker {
    period: Option<Duration>,
    last: Instant,
    printer: Printer,
}

impl Ticker {
    pub fn new(cli: &Cli) -> Self {
        Ticker {
            period: cli.stats.map(Duration::from_secs_f64),
            last: Instant::now(),
            printer: Printer::new(cli.json),
        }
    }

    /// Until it is due, or the rings are to be emptied.
    pub fn left(&self) -> Duration {
        self.period
            .map_or(POLL, |p| p.saturating_sub(self.last.elapsed()).min(POLL))
    }

    /// True once a period, with the time since the last.
    pub fn due(&mut self) -> Option<Duration> {
        let elapsed = self.last.elapsed();
        let due = self.period.is_some_and(|p| elapsed >= p);
        due.then(|| {
            self.last = Instant::now();
            elapsed
        })
    }

    pub fn print(&mut self, sample: Sample, elapsed: Duration) -> Result<()> {
        self.printer.print(sample, elapsed.as_secs_f64())
    }
}
