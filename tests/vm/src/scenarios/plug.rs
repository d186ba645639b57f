// SPDX-License-Identifier: GPL-2.0-only
//! A CPU is added to the machine, one that was not there when the daemon started: it is used, and tasks that are bound to
//! it do not end the scheduler. Needs a machine with input devices and room for a CPU (`--input-devices --smp
//! 2,sockets=4,cores=1,threads=1,maxcpus=4`), and a kernel that believes it: 7.3 asks for a hypervisor that it knows.

use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::protocol::{Event, send};
use crate::sample::STATS;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
/// Guest time; the emulator does it at once, beside a guest whose clock jumps while it is idle.
const GIVE_UP: Duration = Duration::from_secs(600);
const RUN: Duration = Duration::from_millis(500);
/// Of the daemon, once for each such CPU.
const NEW_CPU: &str = "was added to the machine";

pub fn run(ctx: &Ctx) -> Outcome {
    let possible = std::fs::read_to_string("/sys/devices/system/cpu/possible")?;
    let new = cpus();
    if possible.trim() == format!("0-{}", new - 1) {
        return Err(Fail::skip("this kernel counts with no other CPU"));
    }
    let photon = Photon::start(ctx, &STATS)?;
    send(&Event::Plug {});
    let online = format!("/sys/devices/system/cpu/cpu{new}/online");
    until("no CPU was added", || Ok(Path::new(&online).exists()))?;
    std::fs::write(&online, "1")?;
    until("not attached again", || {
        let attached = scx_state().as_deref() == Some("enabled");
        Ok(attached && photon.is_alive()? && photon.log().contains(NEW_CPU))
    })?;
    // Two, so that one of them waits in the CPU's own queue.
    let bound = || Worker::hog("bound").on(new);
    let load = Load::start(&[bound(), bound()])?;
    std::thread::sleep(RUN);
    let ran: Vec<u64> = load
        .finish()?
        .iter()
        .map(|t| t.cpu_ns / 1_000_000)
        .collect();
    photon.stop()?;
    match ran.contains(&0) {
        true => Err(Fail::failed(format!("on CPU {new} they had {ran:?} ms"))),
        false => Ok(json!({"cpu": new, "ran_ms": ran})),
    }
}

fn until(what: &str, is_so: impl Fn() -> Result<bool, Fail>) -> Result<(), Fail> {
    let begin = Instant::now();
    while !is_so()? {
        if begin.elapsed() > GIVE_UP {
            return Err(Fail::failed(what));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}
