// SPDX-License-Identifier: GPL-2.0-only
//! Lines that a thread of their own writes: who reads slowly, as a paused pager or a terminal after Ctrl-S does, must not
//! hold up the daemon.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// While a last line waits for room.
const ROOM_IS_TRIED: Duration = Duration::from_millis(5);

pub struct Lines {
    /// None when no more will come. Each with the number of those before it that found no room.
    waiting: Option<SyncSender<(u64, String)>>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
    lost: Cell<u64>,
    last: Duration,
}

impl Lines {
    /// `write` has the number of lines that were lost just before, and a line; false when nobody will read any more. At
    /// most `room` lines wait, and at the end `last` for the last of them.
    pub fn start(
        name: &str,
        room: usize,
        last: Duration,
        mut write: impl FnMut(u64, &str) -> bool + Send + 'static,
    ) -> Result<Self> {
        let (lines, waiting) = sync_channel::<(u64, String)>(room);
        let (end, ended) = channel();
        let print = move || {
            let _end: Sender<()> = end;
            for (lost, line) in waiting {
                if !write(lost, &line) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.into());
        thread.spawn(print).context("starting a thread")?;
        Ok(Lines {
            waiting: Some(lines),
            ended,
            lost: Cell::new(0),
            last,
        })
    }

    /// False if nobody will read any more. What is too much for who reads is lost.
    pub fn print(&self, line: String) -> bool {
        let Some(lines) = &self.waiting else {
            return false;
        };
        match lines.try_send((self.lost.get(), line)) {
            Ok(()) => self.lost.set(0),
            Err(TrySendError::Full(_)) => self.lost.set(self.lost.get() + 1),
            Err(TrySendError::Disconnected(_)) => return false,
        }
        true
    }

    /// The very last one: it is worth waiting for room.
    pub fn end_with(self, line: String) {
        let begin = Instant::now();
        let mut unsent = (self.lost.get(), line);
        while let Some(lines) = &self.waiting {
            match lines.try_send(unsent) {
                Err(TrySendError::Full(back)) if begin.elapsed() < self.last => unsent = back,
                _ => break,
            }
            std::thread::sleep(ROOM_IS_TRIED);
        }
    }
}

impl Drop for Lines {
    /// The last lines are worth a moment.
    fn drop(&mut self) {
        self.waiting = None;
        let _ = self.ended.recv_timeout(self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 4;
    const LAST: Duration = Duration::from_millis(50);
    /// Within which whatever does not wait for the reader has been done, on a busy machine.
    const SOON: Duration = Duration::from_secs(20);

    #[test]
    fn a_reader_that_has_stopped_holds_nobody_up() {
        let (go_on, stopped) = channel::<()>();
        let (told, heard) = channel();
        let lines = Lines::start("test", ROOM, SOON, move |lost, line| {
            let _ = told.send((lost, line.to_string()));
            stopped.recv().is_ok()
        });
        let lines = lines.expect("a thread");
        assert!(lines.print("first".into()));
        // The thread has it in hand: none of the others is taken.
        assert_eq!(heard.recv_timeout(SOON), Ok((0, "first".into())));
        for n in 0..100 {
            assert!(lines.print(n.to_string()));
        }
        for _ in 0..ROOM {
            go_on.send(()).expect("it waits");
        }
        for n in 0..ROOM {
            assert_eq!(heard.recv_timeout(SOON), Ok((0, n.to_string())));
        }
        assert!(lines.print("last".into()));
        go_on.send(()).expect("it waits");
        let lost = 100 - ROOM as u64;
        assert_eq!(heard.recv_timeout(SOON), Ok((lost, "last".into())));
        drop(go_on);
        drop(lines);
    }

    #[test]
    fn the_end_waits_for_the_last_lines_and_not_for_ever() {
        let (told, heard) = channel();
        let write = move |_: u64, line: &str| told.send(line.to_string()).is_ok();
        let lines = Lines::start("test", ROOM, SOON, write).expect("a thread");
        assert!(lines.print("last".into()));
        drop(lines);
        assert_eq!(heard.try_recv(), Ok("last".into()));
        // It finds no room at first, and is heard.
        let (told, heard) = channel();
        let write = move |lost: u64, line: &str| {
            std::thread::sleep(LAST);
            told.send((lost, line.to_string())).is_ok()
        };
        let lines = Lines::start("test", 1, SOON, write).expect("a thread");
        for n in 0..9 {
            assert!(lines.print(n.to_string()));
        }
        lines.end_with("last".into());
        let (lost, line) = heard.try_iter().last().expect("some were heard");
        assert!(lost > 0 && line == "last", "{lost} {line}");
        let (_go_on, stopped) = channel::<()>();
        let write = move |_: u64, _: &str| stopped.recv().is_ok();
        let lines = Lines::start("test", ROOM, LAST, write).expect("a thread");
        assert!(lines.print("last".into()));
        let begun = Instant::now();
        drop(lines);
        assert!((LAST..SOON).contains(&begun.elapsed()));
    }
}
