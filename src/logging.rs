// SPDX-License-Identifier: GPL-2.0-only
//! The log, on stderr and without a date: the journal has its own. The daemon's loop must not wait for whoever reads it,
//! or a paused pager would keep it from the signal that is to stop it: from `in_background` on a thread writes.

use std::io::{self, Write, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use libbpf_rs::PrintLevel;
use log::LevelFilter;
use simplelog::{ConfigBuilder, WriteLogger};

use crate::lines::Lines;

/// Lines that wait for a reader: far more than the daemon says in a minute.
const LINES: usize = 256;
/// With libbpf's among them, which says thousands at once while it loads.
const LINES_OF_LIBBPF: usize = 32768;
/// `-v` twice.
const LIBBPF: u8 = 2;
/// At the end, when nothing is attached any more: the reason is among them.
const LAST_LINES: Duration = Duration::from_secs(1);

/// None while whoever logs writes himself.
static BACKGROUND: Mutex<Option<Lines>> = Mutex::new(None);

fn background() -> MutexGuard<'static, Option<Lines>> {
    BACKGROUND.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn start(verbose: u8) -> Result<()> {
    let (level, libbpf) = match verbose {
        0 => (LevelFilter::Info, None),
        1 => (LevelFilter::Debug, Some(PrintLevel::Warn)),
        LIBBPF.. => (LevelFilter::Trace, Some(PrintLevel::Debug)),
    };
    let mut config = ConfigBuilder::new();
    config
        .set_time_level(LevelFilter::Off)
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off);
    if verbose == 0 {
        // It warns of what older kernels do not tell of CPUs, which changes nothing here.
        config.add_filter_ignore_str("scx_utils::topology");
    }
    WriteLogger::init(level, config.build(), Line::default())?;
    match libbpf {
        // Every failure becomes one line of ours.
        None => drop(libbpf_rs::set_print(None)),
        level => scx_utils::init_libbpf_logging(level),
    }
    Ok(())
}

/// Not before the signals are blocked and the capabilities dropped: threads inherit both.
pub fn in_background(verbose: u8) -> Result<()> {
    let room = match verbose {
        LIBBPF.. => LINES_OF_LIBBPF,
        _ => LINES,
    };
    let lines = Lines::start("log", room, LAST_LINES, |lost, line| {
        let mut err = stderr();
        if lost > 0 {
            let _ = writeln!(err, "[WARN] {lost} lines of the log are lost: nobody read");
        }
        // Who has gone may be followed by another reader, as journald is after its restart.
        let _ = err.write_all(line.as_bytes());
        true
    })?;
    *background() = Some(lines);
    Ok(())
}

/// One line, behind those of the log. That nobody reads it changes nothing.
fn say(line: &str) {
    // Whole, or it would be torn by what others write there.
    let line = format!("{line}\n");
    match &*background() {
        Some(lines) => drop(lines.print(line)),
        None => drop(stderr().write_all(line.as_bytes())),
    }
}

/// The end, with a last word or without: those before it come out first.
pub fn end(last: Option<&str>) {
    let lines = background().take();
    let Some(last) = last else {
        return drop(lines);
    };
    let line = format!("{last}\n");
    match lines {
        Some(lines) => lines.end_with(line),
        None => drop(stderr().write_all(line.as_bytes())),
    }
}

/// The logger writes a line in pieces.
#[derive(Default)]
struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(piece);
        if let Some(line) = self.0.strip_suffix(b"\n") {
            say(&String::from_utf8_lossy(line));
            self.0.clear();
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
