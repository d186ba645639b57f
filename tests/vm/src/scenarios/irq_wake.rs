// SPDX-License-Identifier: GPL-2.0-only
//! From the report of the emulator's own mouse, which arrives in a hardware interrupt, until its reader runs: beside one
//! hog and beside a hog a CPU, under the kernel's own scheduler and under ours. Beside hogs the reader comes from
//! another CPU and must settle on the one that the interrupt wakes, which needs no IPI. The reports come by the host's
//! time; what is measured is the guest's. Arguments: `--reports N`. Needs a machine with input devices.

use crate::load::{Load, Worker, allow_all, pin};
use crate::photon::Photon;
use crate::protocol::{Event, InputKind, send};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::quantile::{quantile, sorted};
use photon_bench::sys::clock::mono_ns;
use photon_bench::sys::sched::cpus;
use photon_bench::sys::uinput::Reader;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const REPORTS: u64 = 300;
/// None: a hog a CPU. One at least, or the guest's clock would run ahead of the host's, by seconds between two reports.
const LOADS: [(&str, Option<usize>); 2] = [("one", Some(1)), ("hogs", None)];
/// Host time between two; the device drops what the guest does not take in time.
const GAP_MS: u64 = 4;
/// The last report is long over when none came for so long, guest time.
const QUIET: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(60);
/// Of the reports, which the reader must have seen.
const ENOUGH_PERCENT: usize = 90;
/// Beside hogs, of ours: 7 times what is seen, and a small part of a hog's slice.
const LIMIT_US: f64 = 150.0;
/// So many of the reports keep it. The 99th percentile of 150 is that of the two latest, which the host may have held up.
const KEPT_QUANTILE: f64 = 0.97;
/// Of all of them: a slice of a hog that ends at a tick.
const LIMIT_OF_ALL_US: f64 = 4_000.0;
/// Likewise, of the reports: read on the CPU that was interrupted.
const HOME_PERCENT: f64 = 90.0;

pub fn run(ctx: &Ctx) -> Outcome {
    let Some(node) = node_of("Virtio Mouse")? else {
        return Err(Fail::skip("no emulated mouse"));
    };
    let reports = ctx.number("--reports", REPORTS)?;
    let mut metrics = Map::new();
    let mut home = 0;
    for scheduler in ["kernel", "photon"] {
        let photon = match scheduler {
            "photon" => Some(Photon::start(ctx, &[])?),
            _ => None,
        };
        for (load, hogs) in LOADS.map(|(name, hogs)| (name, hogs.unwrap_or(cpus()))) {
            let hogs: Vec<Worker> = (0..hogs).map(|_| Worker::hog("hog")).collect();
            let running = Load::start(&hogs)?;
            pin((home + 1) % cpus())?;
            allow_all()?;
            let before = interrupts()?;
            let read = read(&node, reports)?;
            home = most_grown(&before, &interrupts()?);
            running.finish()?;
            for (name, value) in summary(&read, home) {
                metrics.insert(format!("{scheduler}_{load}_{name}"), json!(value));
            }
        }
        if let Some(photon) = photon {
            photon.stop()?;
        }
    }
    let kept = |name: &str, well: fn(f64) -> bool| metrics[name].as_f64().is_some_and(well);
    match kept("photon_hogs_p97_us", |us| us <= LIMIT_US)
        && kept("photon_hogs_max_us", |us| us <= LIMIT_OF_ALL_US)
        && kept("photon_hogs_home_percent", |part| part >= HOME_PERCENT)
    {
        true => Ok(Value::Object(metrics)),
        false => Err(Fail::failed(format!(
            "more than {LIMIT_US} us for over 3 % of them beside hogs, more than {LIMIT_OF_ALL_US} us, or less than {HOME_PERCENT} % at home: {}",
            Value::Object(metrics)
        ))),
    }
}

/// Of a report: microseconds from the kernel's stamp until the reader ran, and on which CPU.
type Report = (f64, usize);

fn summary(read: &[Report], home: usize) -> [(&'static str, f64); 5] {
    let delays = sorted(read.iter().map(|(us, _)| *us).collect());
    let us = |q| quantile(&delays, q).unwrap_or(f64::NAN);
    let there = read.iter().filter(|(_, cpu)| *cpu == home).count();
    let percent = 100.0 * there as f64 / read.len().max(1) as f64;
    [
        ("p50_us", us(0.5)),
        ("p97_us", us(KEPT_QUANTILE)),
        ("p99_us", us(0.99)),
        ("max_us", us(1.0)),
        ("home_percent", percent),
    ]
}

/// By CPU, those that the emulated input devices have made: there are no others of this kind. Not by the end of the
/// line: that depends on how many vectors the kernel was given, and once all of this counted nothing.
pub fn interrupts() -> Result<Vec<u64>, Fail> {
    let mut sums = vec![0; cpus()];
    let text = std::fs::read_to_string("/proc/interrupts")?;
    for line in text.lines().filter(|l| l.contains(" virtio")) {
        let counts = line
            .split_whitespace()
            .skip(1)
            .map_while(|n| n.parse().ok());
        sums.iter_mut()
            .zip(counts)
            .for_each(|(sum, n): (&mut u64, u64)| *sum += n);
    }
    Ok(sums)
}

/// The CPU whose count has.
fn most_grown(before: &[u64], after: &[u64]) -> usize {
    let grown = before.iter().zip(after).map(|(b, a)| a.saturating_sub(*b));
    grown
        .enumerate()
        .max_by_key(|(_, n)| *n)
        .map_or(0, |(cpu, _)| cpu)
}

/// The event node of the device of that name.
pub fn node_of(name: &str) -> Result<Option<PathBuf>, Fail> {
    let devices = std::fs::read_to_string("/proc/bus/input/devices")?;
    let device = devices.split("\n\n").find(|d| d.contains(name));
    let handlers = device.and_then(|d| d.lines().find_map(|l| l.strip_prefix("H: Handlers=")));
    let event = handlers.and_then(|h| h.split_whitespace().find(|h| h.starts_with("event")));
    Ok(event.map(|event| Path::new("/dev/input").join(event)))
}

/// Asks for reports and reads them.
fn read(node: &Path, reports: u64) -> Result<Vec<Report>, Fail> {
    let reader = Reader::open(node).map_err(|e| Fail::failed(format!("{e:#}")))?;
    let mut read = Vec::new();
    send(&Event::Input {
        kind: InputKind::Mouse,
        reports: reports as u32,
        gap_ms: GAP_MS,
    });
    let begin = Instant::now();
    while (read.len() as u64) < reports && begin.elapsed() < LIMIT && wait(&reader)? {
        let mut stamps = Vec::new();
        reader.read(|stamp| stamps.push(stamp))?;
        let now = mono_ns();
        // SAFETY: it takes nothing and gives a number.
        let cpu = unsafe { libc::sched_getcpu() } as usize;
        let us = |stamp: u64| now.saturating_sub(stamp) as f64 / 1_000.0;
        read.extend(stamps.into_iter().map(|stamp| (us(stamp), cpu)));
    }
    if read.len() * 100 < reports as usize * ENOUGH_PERCENT {
        return Err(Fail::failed(format!(
            "{} of {reports} reports were read",
            read.len()
        )));
    }
    Ok(read)
}

/// For the next report; false if none comes.
fn wait(reader: &Reader) -> Result<bool, Fail> {
    let mut poll = libc::pollfd {
        fd: reader.raw(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one valid pollfd.
    match unsafe { libc::poll(&mut poll, 1, QUIET.as_millis() as libc::c_int) } {
        -1 => Err(std::io::Error::last_os_error().into()),
        ready => Ok(ready > 0),
    }
}
