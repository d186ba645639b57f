// SPDX-License-Identifier: GPL-2.0-only
//! SIGKILL under load: the kernel's own scheduler is back at once, nothing is left behind but the names of its sockets,
//! and a new daemon takes these over and removes them when it stops. In between the commands say that it is gone, and a
//! game starts all the same.
//! Arguments: `--times N`.

use crate::asked::PUBLIC;
use crate::latch::{KERNEL_SCHEDULES, LAST_EXIT, LATCH};
use crate::load::{Load, Worker};
use crate::oneshot;
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::cycles;
use photon_bench::sockets::{REGISTRATION, STATS};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const TIMES: u64 = 2;
/// The kernel closes the dead daemon's descriptors, and with the last of them goes the scheduler.
const LIMIT: Duration = Duration::from_millis(500);
const RUN: Duration = Duration::from_millis(300);
/// For the kernel to put its own scheduler back, and for the process to end.
const SETTLE: Duration = Duration::from_secs(2);
/// Names that a dead daemon leaves, at which nobody listens.
const SOCKETS: [&str; 3] = [PUBLIC, REGISTRATION, STATS];
const NOT_RUNNING: &str = "the service is not running";
const LEFT_BY_NOBODY: [&str; 3] = [LATCH, LAST_EXIT, "/sys/fs/bpf/scx_photon"];

pub fn run(ctx: &Ctx) -> Outcome {
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([Worker::hog("hog"), Worker::hog("pinned").on(cpu)]);
        workers.push(Worker::hog("nap").naps(200 * NS_PER_US, NS_PER_MS));
    }
    let load = Load::start(&workers)?;
    // What ran before in this machine may still be going.
    let before = cycles::settled();
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
    let after = cycles::settled();
    if after != before {
        return Err(Fail::failed(format!(
            "left in the kernel: {before:?}, then {after:?}"
        )));
    }
    without_daemon(ctx)?;
    Photon::start(ctx, &[])?.stop()?;
    let names = SOCKETS.iter().chain(&LEFT_BY_NOBODY);
    if let Some(left) = names.into_iter().find(|p| Path::new(p).exists()) {
        return Err(Fail::failed(format!("left behind: {left}")));
    }
    if slowest > LIMIT {
        return Err(Fail::failed(format!("detached only after {slowest:?}")));
    }
    Ok(json!({"slowest_us": slowest.as_micros() as u64}))
}

/// What a player may do before the daemon is back.
fn without_daemon(ctx: &Ctx) -> Result<(), Fail> {
    if let Some(gone) = SOCKETS.iter().find(|p| !Path::new(p).exists()) {
        return Err(Fail::failed(format!("{gone} is not there to be tried")));
    }
    let asked = |args: &[&str]| oneshot::run(Command::new(&ctx.scx_photon).args(args));
    asked(&["why"])?.expect("why", 1, NOT_RUNNING)?;
    asked(&["set", "slice_us=4000"])?.expect("set", 1, NOT_RUNNING)?;
    let status = asked(&["status"])?;
    if status.code != Some(KERNEL_SCHEDULES) {
        return Err(Fail::failed(format!("status: {status:?}")));
    }
    let game = ctx.scx_photon.to_string_lossy().into_owned();
    let played = asked(&["run", "--", &game, "--version"])?;
    match played.code == Some(0) && played.stdout.starts_with("scx_photon ") {
        true => Ok(()),
        false => Err(Fail::failed(format!("run: {played:?}"))),
    }
}
