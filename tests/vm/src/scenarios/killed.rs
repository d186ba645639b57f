// SPDX-License-Identifier: GPL-2.0-only
//! SIGKILL under load: the kernel's own scheduler is back at once, nothing is left behind but the names of its sockets,
//! and a new daemon takes these over and removes them when it stops.
//! Arguments: `--times N`.

use crate::bpf::objects;
use crate::load::{Load, Worker, cpus};
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const TIMES: u64 = 2;
/// The kernel closes the dead daemon's descriptors, and with the last of them goes the scheduler.
const LIMIT: Duration = Duration::from_millis(500);
const RUN: Duration = Duration::from_millis(300);
/// The kernel frees some of what was loaded a moment later.
const SETTLE: Duration = Duration::from_secs(2);
const LEFT_BY_NOBODY: [&str; 4] = [
    "/run/scx_photon/socket",
    "/run/scx_photon/latch",
    "/run/scx_photon/last-exit",
    "/sys/fs/bpf/scx_photon",
];

pub fn run(ctx: &Ctx) -> Outcome {
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([Worker::hog("hog"), Worker::hog("pinned").on(cpu)]);
        workers.push(Worker::hog("nap").naps(200 * NS_PER_US, NS_PER_MS));
    }
    let load = Load::start(&workers)?;
    // What ran before in this machine may still be going.
    std::thread::sleep(SETTLE);
    let before = objects();
    let mut slowest = Duration::ZERO;
    for _ in 0..ctx.number("--times", TIMES)? {
        let photon = Photon::start(ctx, &[])?;
        std::thread::sleep(RUN);
        let begin = Instant::now();
        photon.signal(libc::SIGKILL);
        while scx_state().as_deref() != Some("disabled") && begin.elapsed() < SETTLE {
            std::thread::sleep(Duration::from_millis(1));
        }
        slowest = slowest.max(begin.elapsed());
        photon.wait(SETTLE)?;
    }
    load.finish()?;
    std::thread::sleep(SETTLE);
    let after = objects();
    if after != before {
        return Err(Fail::failed(format!(
            "left in the kernel: {before:?}, then {after:?}"
        )));
    }
    Photon::start(ctx, &[])?.stop()?;
    if let Some(left) = LEFT_BY_NOBODY.iter().find(|p| Path::new(p).exists()) {
        return Err(Fail::failed(format!("left behind: {left}")));
    }
    if slowest > LIMIT {
        return Err(Fail::failed(format!("detached only after {slowest:?}")));
    }
    Ok(json!({"slowest_us": slowest.as_micros() as u64}))
}
