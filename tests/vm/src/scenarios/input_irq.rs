// SPDX-License-Identifier: GPL-2.0-only
//! Reports of the emulator's own mouse and keyboard, which arrive in a hardware interrupt, are counted exactly.
//! Arguments: `--reports N`. Needs a machine with input devices.

use crate::load::{Load, Worker};
use crate::photon::Photon;
use crate::protocol::{Event, InputKind, send};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::time::{Duration, Instant};

const REPORTS: u64 = 300;
/// Host time between two; the device drops what the guest does not take in time.
const GAP_MS: u64 = 4;
/// Guest time. The load keeps the guest's clock from running ahead of the host's.
const LIMIT: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(1);

pub fn run(ctx: &Ctx) -> Outcome {
    let count = ctx.number("--reports", REPORTS)?;
    let devices = std::fs::read_to_string("/proc/bus/input/devices")?;
    if !devices.contains("Virtio Mouse") && !devices.contains("Virtio Keyboard") {
        return Err(Fail::skip("no emulated mouse"));
    }
    let photon = Photon::start(ctx, &STATS)?;
    let hogs: Vec<Worker> = (0..cpus()).map(|_| Worker::hog("hog")).collect();
    let load = Load::start(&hogs)?;
    let mut counted = Vec::new();
    for (kind, class) in [
        (InputKind::Mouse, "mouse"),
        (InputKind::Keyboard, "keyboard"),
    ] {
        send(&Event::Input {
            kind,
            reports: count as u32,
            gap_ms: GAP_MS,
        });
        counted.push(wait_for(&photon, class, count)?);
    }
    load.finish()?;
    let sample = Sample::settled(&photon)?;
    let wake_input = sample.counter("wake_input")?;
    let interrupts = std::fs::read_to_string("/proc/interrupts")?;
    photon.stop()?;
    if !interrupts.contains("virtio") {
        return Err(Fail::failed(
            "no virtio interrupt: this was no hardware path",
        ));
    }
    Ok(json!({"mouse": counted[0], "keyboard": counted[1], "wake_input": wake_input}))
}

/// Waits for the last report, and then for one too many.
fn wait_for(photon: &Photon, class: &str, count: u64) -> Result<u64, Fail> {
    let begin = Instant::now();
    loop {
        std::thread::sleep(QUIET);
        let counted = Sample::settled(photon)?.reports(class)?;
        if counted >= count || begin.elapsed() > LIMIT {
            std::thread::sleep(QUIET);
            let counted = Sample::settled(photon)?.reports(class)?;
            return match counted == count {
                true => Ok(counted),
                false => Err(Fail::failed(format!(
                    "{class}: {count} reports, {counted} counted"
                ))),
            };
        }
    }
}
