// SPDX-License-Identifier: GPL-2.0-only
//! Suspend to idle while a game's worth of tasks runs: still attached afterwards, nobody lost, nobody waits. By the
//! kernel's own test of suspend, which freezes every task, waits and thaws; with `--processors`, of suspend to memory,
//! which takes all CPUs but one away meanwhile; with `--real`, down to idle CPUs, woken by the clock's alarm. Arguments:
//! `--cycles N`, `--processors`, `--real`.

use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::time::Duration;

const CYCLES: u64 = 3;
const TEST: &str = "/sys/power/pm_test";
const TEST_DELAY: &str = "/sys/module/suspend/parameters/pm_test_delay";
const STATE: &str = "/sys/power/state";
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";
/// In the start line, said anew after CPUs have changed.
const ATTACHED: &str = " attached on Linux ";
const GIVE_UP: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_millis(200);
const RUN: Duration = Duration::from_millis(600);
const WAIT_LIMIT_NS: u64 = 200 * NS_PER_MS;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Depth {
    Freezer,
    Processors,
    Real,
}

impl Depth {
    fn of(ctx: &Ctx) -> Self {
        match (ctx.flag("--processors"), ctx.flag("--real")) {
            (true, _) => Depth::Processors,
            (_, true) => Depth::Real,
            _ => Depth::Freezer,
        }
    }

    fn test(self) -> &'static str {
        match self {
            Depth::Freezer => "freezer",
            Depth::Processors => "processors",
            Depth::Real => "none",
        }
    }

    /// To idle no CPU goes away.
    fn state(self) -> &'static str {
        match self {
            Depth::Processors => "mem",
            Depth::Freezer | Depth::Real => "freeze",
        }
    }
}

pub fn run(ctx: &Ctx) -> Outcome {
    let depth = Depth::of(ctx);
    let cycles = ctx.number("--cycles", CYCLES)?;
    let states = std::fs::read_to_string(STATE).unwrap_or_default();
    if !states.contains(depth.state()) || std::fs::write(TEST, depth.test()).is_err() {
        return Err(Fail::skip(format!(
            "no test of {depth:?}; {STATE}: {states:?}"
        )));
    }
    // Where it is missing the kernel waits for its 5 s.
    let _ = std::fs::write(TEST_DELAY, "1");
    let photon = Photon::start(ctx, &STATS)?;
    let mut workers = vec![Worker::hog("hog"); cpus()];
    workers.extend((0..cpus()).map(|cpu| Worker::hog("bound").on(cpu).naps(NS_PER_MS, NS_PER_MS)));
    let load = Load::start(&workers)?;
    for n in 0..cycles {
        std::thread::sleep(BETWEEN);
        if depth == Depth::Real {
            std::fs::write(ALARM, "0")?;
            std::fs::write(ALARM, "+2")?;
        }
        std::fs::write(STATE, depth.state())
            .map_err(|e| Fail::failed(format!("cycle {n}: suspend: {e}")))?;
        if depth == Depth::Processors {
            // The kernel has ended it with the first CPU.
            photon.says(ATTACHED, n as usize + 2, GIVE_UP)?;
        }
        if scx_state().as_deref() != Some("enabled") {
            return Err(Fail::failed(format!(
                "cycle {n}: ejected: {}",
                photon.log()
            )));
        }
    }
    load.finish()?;
    // Waits across a suspend include the suspend, so they are measured after it.
    let load = Load::start(&workers)?;
    std::thread::sleep(RUN);
    let longest = load
        .finish()?
        .iter()
        .map(|d| d.max_wait_ns)
        .max()
        .unwrap_or(0);
    let rescues = Sample::settled(&photon)?.counter("rescue_overdue")?;
    let metrics =
        json!({"cycles": cycles, "wait_ms": longest as f64 / NS_PER_MS as f64, "rescues": rescues});
    if longest > WAIT_LIMIT_NS {
        return Err(Fail::failed(format!("waits after resume: {metrics}")));
    }
    photon.stop()?;
    Ok(metrics)
}
