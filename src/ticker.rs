// SPDX-License-Identifier: GPL-2.0-only
//! Statistics a period, when asked for.

use std::io::{Write, stdout};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cli::Cli;
use crate::model::Sample;
use crate::stats::Printer;

/// How often the daemon empties rings that did not ask for it.
const POLL: Duration = Duration::from_secs(1);
/// Lines that wait for a reader; what comes after them is lost.
const LINES: usize = 16;

/// When statistics are due, and how they are printed.
pub struct Ticker {
    period: Option<Duration>,
    last: Instant,
    printer: Printer,
    lines: Option<SyncSender<String>>,
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
        match self.lines.as_ref().map(|lines| lines.try_send(text)) {
            Some(Err(TrySendError::Disconnected(_))) => {
                bail!("printing the statistics: nobody reads")
            }
            _ => Ok(()),
        }
    }
}

/// Printed by a thread of their own: who reads slowly, as a paused pager does, must not hold up the daemon.
fn lines() -> Result<SyncSender<String>> {
    let (lines, waiting) = sync_channel::<String>(LINES);
    let print = move || {
        for line in waiting {
            if writeln!(stdout(), "{line}").is_err() {
                return;
            }
        }
    };
    let thread = std::thread::Builder::new().name("stats".into());
    thread.spawn(print).context("starting a thread")?;
    Ok(lines)
}
