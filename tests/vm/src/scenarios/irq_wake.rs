// SPDX-License-Identifier: GPL-2.0-only
//! From the report of the emulator's own mouse, which arrives in a hardware interrupt, until its reader runs: on a calm
//! machine and beside a hog a CPU, under the kernel's own scheduler and under ours. The reports come by the host's time;
//! what is measured is the guest's. Arguments: `--reports N`. Needs a machine with input devices.

use crate::load::{Load, Worker, cpus};
use crate::photon::Photon;
use crate::protocol::{Event, InputKind, send};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::quantile::{quantile, sorted};
use photon_bench::sys::clock::mono_ns;
use photon_bench::sys::uinput::Reader;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const REPORTS: u64 = 300;
/// Host time between two; the device drops what the guest does not take in time.
const GAP_MS: u64 = 4;
/// The last report is long over when none came for so long, guest time.
const QUIET: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(60);
/// Of the reports, which the reader must have seen.
const ENOUGH_PERCENT: usize = 90;
/// Beside hogs, of ours: 5 times what is seen, and a small part of a hog's slice.
const LIMIT_P99_US: f64 = 150.0;

pub fn run(ctx: &Ctx) -> Outcome {
    let Some(node) = node_of("Virtio Mouse")? else {
        return Err(Fail::skip("no emulated mouse"));
    };
    let reports = ctx.number("--reports", REPORTS)?;
    let mut metrics = Map::new();
    for scheduler in ["kernel", "photon"] {
        let photon = match scheduler {
            "photon" => Some(Photon::start(ctx, &[])?),
            _ => None,
        };
        for (load, hogs) in [("calm", 0), ("hogs", cpus())] {
            let hogs: Vec<Worker> = (0..hogs).map(|_| Worker::hog("hog")).collect();
            let running = Load::start(&hogs)?;
            let delays = read(&node, reports)?;
            running.finish()?;
            for (name, q) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
                let us = quantile(&delays, q).unwrap_or(f64::NAN);
                metrics.insert(format!("{scheduler}_{load}_{name}_us"), json!(us));
            }
        }
        if let Some(photon) = photon {
            photon.stop()?;
        }
    }
    let p99 = metrics["photon_hogs_p99_us"].as_f64();
    match p99.is_some_and(|us| us <= LIMIT_P99_US) {
        true => Ok(Value::Object(metrics)),
        false => Err(Fail::failed(format!(
            "more than {LIMIT_P99_US} us beside hogs: {}",
            Value::Object(metrics)
        ))),
    }
}

/// The event node of the device of that name.
fn node_of(name: &str) -> Result<Option<PathBuf>, Fail> {
    let devices = std::fs::read_to_string("/proc/bus/input/devices")?;
    let device = devices.split("\n\n").find(|d| d.contains(name));
    let handlers = device.and_then(|d| d.lines().find_map(|l| l.strip_prefix("H: Handlers=")));
    let event = handlers.and_then(|h| h.split_whitespace().find(|h| h.starts_with("event")));
    Ok(event.map(|event| Path::new("/dev/input").join(event)))
}

/// Asks for reports and reads them. Microseconds from the kernel's stamp until the reader runs, ascending.
fn read(node: &Path, reports: u64) -> Result<Vec<f64>, Fail> {
    let reader = Reader::open(node).map_err(|e| Fail::failed(format!("{e:#}")))?;
    let mut delays = Vec::new();
    send(&Event::Input {
        kind: InputKind::Mouse,
        reports: reports as u32,
        gap_ms: GAP_MS,
    });
    let begin = Instant::now();
    while (delays.len() as u64) < reports && begin.elapsed() < LIMIT && wait(&reader)? {
        let mut stamps = Vec::new();
        reader.read(|stamp| stamps.push(stamp))?;
        let now = mono_ns();
        let us = |stamp: u64| now.saturating_sub(stamp) as f64 / 1_000.0;
        delays.extend(stamps.into_iter().map(us));
    }
    if delays.len() * 100 < reports as usize * ENOUGH_PERCENT {
        return Err(Fail::failed(format!(
            "{} of {reports} reports were read",
            delays.len()
        )));
    }
    Ok(sorted(delays))
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
