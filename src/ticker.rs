// SPDX-License-Identifier: GPL-2.0-only
//! Statistics a period, when asked for.

use std::io::{Write, stdout};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cli::Cli;
use crate::model::Sample;
use crate::stats::Printer;

/// How often the daemon empties rings that did not ask for it.
const POLL: Duration = Duration::from_secs(1);
/// Lines that wait for a reader; what comes after them is lost.
const LINES: usize = 16;
const LAST_LINES: Duration = Duration::from_millis(100);

/// When statistics are due, and how they are printed.
pub struct Ticker {
    period: Option<Duration>,
    last: Instant,
    printer: Printer,
    lines: Option<Lines>,
}

/// Printed by a thread of their own: who reads slowly, as a paused pager does, must not hold up the daemon.
struct Lines {
    /// None when no more will come.
    waiting: Option<SyncSender<String>>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
}

impl Ticker {
    pub fn new(cli: &Cli) -> Result<Self> {
        Ok(Ticker {
            period: cli.stats.map(Duration::from_secs_f64),
            last: Instant::now(),
            printer: Printer::new(cli.json),
            lines: cli.stats.map(|_| Lines::start()).transpose()?,
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

impl Lines {
    fn start() -> Result<Self> {
        let (lines, waiting) = sync_channel::<String>(LINES);
        let (end, ended) = channel();
        let print = move || {
            let _end: Sender<()> = end;
            for line in waiting {
                if writeln!(stdout(), "{line}").is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name("stats".into());
        thread.spawn(print).context("starting a thread")?;
        Ok(Lines {
            waiting: Some(lines),
            ended,
        })
    }

    /// False if nobody will read any more. What is too much for who reads is lost.
    fn print(&self, text: String) -> bool {
        let sent = self.waiting.as_ref().map(|lines| lines.try_send(text));
        !matches!(sent, Some(Err(TrySendError::Disconnected(_))))
    }
}

impl Drop for Lines {
    /// The last lines are worth a moment.
    fn drop(&mut self) {
        self.waiting = None;
        let _ = self.ended.recv_timeout(LAST_LINES);
    }
}
