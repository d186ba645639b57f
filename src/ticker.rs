// SPDX-License-Identifier: GPL-2.0-only
//! Statistics a period, when asked for.

use std::io::{ErrorKind, Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use log::warn;

use crate::cli::Cli;
use crate::lines::Lines;
use crate::model::Sample;
use crate::stats::Printer;

/// How often the daemon empties rings that did not ask for it.
const POLL: Duration = Duration::from_secs(1);
/// Lines that wait for a reader; what comes after them is lost.
const LINES: usize = 16;
/// Still attached then: no longer than this.
const LAST_LINES: Duration = Duration::from_millis(100);

/// When statistics are due, and how they are printed.
pub struct Ticker {
    period: Option<Duration>,
    last: Instant,
    printer: Printer,
    lines: Option<Lines>,
}

impl Ticker {
    pub fn new(cli: &Cli) -> Result<Self> {
        Ok(Ticker {
            period: cli.stats.map(Duration::from_secs_f64),
            last: Instant::now(),
            printer: Printer::new(cli.json),
            lines: cli.stats.map(|_| lines()).transpose()?,
        })
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

    /// A reader that has gone is an error, after which the scheduler is taken down in order.
    pub fn print(&mut self, sample: Sample, elapsed: Duration) -> Result<()> {
        let text = self.printer.text(sample, elapsed.as_secs_f64())?;
        match self.lines.as_ref().map(|lines| lines.print(text)) {
            Some(false) => bail!("printing the statistics: nobody reads"),
            _ => Ok(()),
        }
    }
}

/// Of a file system, or for this user or file.
const FULL: [ErrorKind; 3] = [
    ErrorKind::StorageFull,
    ErrorKind::QuotaExceeded,
    ErrorKind::FileTooLarge,
];

/// What is lost is not told in the midst of JSON.
fn lines() -> Result<Lines> {
    let mut lost = false;
    Lines::start("stats", LINES, LAST_LINES, move |_, line| {
        // After a line that was cut the next one begins anew.
        let begin = if lost { "\n" } else { "" };
        let Err(e) = stdout().write_all(format!("{begin}{line}\n").as_bytes()) else {
            lost = false;
            return true;
        };
        // No reason to take the scheduler down.
        let full = FULL.contains(&e.kind());
        if full && !std::mem::replace(&mut lost, true) {
            warn!("lines of statistics are lost: {e}");
        }
        full
    })
}
