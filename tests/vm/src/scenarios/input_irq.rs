// SPDX-License-Identifier: GPL-2.0-only
//! Reports of the emulator's own mouse and keyboard, which arrive in a hardware interrupt, are counted exactly, and
//! whoever reads them is woken by input. Arguments: `--reports N`. Needs a machine with input devices.

use crate::load::{Load, Worker};
use crate::photon::Photon;
use crate::protocol::{Event, InputKind, send};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::irq_wake::{interrupts, node_of};
use photon_bench::sys::sched::cpus;
use photon_bench::sys::uinput::Reader;
use serde_json::json;
use std::time::{Duration, Instant};

/// As the kernel calls the device, what the host is asked for, and as the statistics call it.
const DEVICES: [(&str, InputKind, &str); 2] = [
    ("Virtio Mouse", InputKind::Mouse, "mouse"),
    ("Virtio Keyboard", InputKind::Keyboard, "keyboard"),
];
const REPORTS: u64 = 300;
/// Interrupts, of the reports: one takes all that have come since the last, several on a busy host.
const INTERRUPTS_PERCENT: u64 = 25;
/// Host time between two; the device drops what the guest does not take in time.
const GAP_MS: u64 = 4;
/// Guest time. The load keeps the guest's clock from running ahead of the host's.
const LIMIT: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(1);

pub fn run(ctx: &Ctx) -> Outcome {
    let count = ctx.number("--reports", REPORTS)?;
    for (device, ..) in DEVICES {
        read_on(device)?;
    }
    let photon = Photon::start(ctx, &STATS)?;
    let load = Load::start(&vec![Worker::hog("hog"); cpus()])?;
    let woken_before = Sample::settled(&photon)?.counter("wake_input")?;
    let (mut counted, mut came) = (Vec::new(), Vec::new());
    for (_, kind, class) in DEVICES {
        let before = interrupts_in_all()?;
        send(&Event::Input {
            kind,
            reports: count as u32,
            gap_ms: GAP_MS,
        });
        counted.push(wait_for(&photon, class, count)?);
        came.push(interrupts_in_all()? - before);
    }
    load.finish()?;
    let wake_input = Sample::settled(&photon)?.counter("wake_input")? - woken_before;
    photon.stop()?;
    let metrics = json!({
        "mouse": counted[0], "keyboard": counted[1], "interrupts": came, "wake_input": wake_input,
    });
    let least = (count * INTERRUPTS_PERCENT / 100).max(1);
    if came.iter().any(|n| *n < least) {
        let all = std::fs::read_to_string("/proc/interrupts")?;
        let virtio: Vec<&str> = all.lines().filter(|l| l.contains("virtio")).collect();
        return Err(Fail::failed(format!(
            "fewer than {least} interrupts of a device, this was no hardware path: {metrics}, {virtio:?}"
        )));
    }
    match wake_input {
        0 => Err(Fail::failed(format!("no reader was woken: {metrics}"))),
        _ => Ok(metrics),
    }
}

/// Of both devices, on all CPUs.
fn interrupts_in_all() -> Result<u64, Fail> {
    Ok(interrupts()?.iter().sum())
}

/// A thread whom the reports of this device wake, until the process ends.
fn read_on(device: &str) -> Result<(), Fail> {
    let node = node_of(device)?.ok_or_else(|| Fail::skip(format!("no {device}")))?;
    let reader = Reader::open(&node)?;
    let thread = std::thread::Builder::new().name("reader".into());
    thread.spawn(move || while reader.read(|_| ()).is_ok() {})?;
    Ok(())
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
