// SPDX-License-Identifier: GPL-2.0-only
//! Suspend to idle while a game plays beside hogs and bound tasks: still attached afterwards, nobody lost, nobody
//! waits, and the game plays on. By the kernel's own test of suspend, which freezes every task, waits and thaws; with
//! `--processors`, of suspend to memory, which takes all CPUs but one away meanwhile; with `--real`, down to idle CPUs,
//! woken by the clock's alarm. Without uinput there is no game, and the report's `game_ms` is null. Arguments:
//! `--cycles N`, `--processors`, `--real`.

use crate::killed::Killed;
use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::family::{BEGIN, cpu_ns, start_as};
use crate::scenarios::hotplug::REGISTERED;
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::cpus;
use photon_bench::sys::uinput::UINPUT;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const CYCLES: u64 = 3;
const TEST: &str = "/sys/power/pm_test";
const TEST_DELAY: &str = "/sys/module/suspend/parameters/pm_test_delay";
const STATE: &str = "/sys/power/state";
const ALARM: &str = "/sys/class/rtc/rtc0/wakealarm";
/// In the start line, said anew after CPUs have changed.
const ATTACHED: &str = " attached on Linux ";
/// Loading takes up to 3 s of a CPU, which the daemon shares with the load and the game.
const GIVE_UP: Duration = Duration::from_secs(60);
const BETWEEN: Duration = Duration::from_millis(200);
const RUN: Duration = Duration::from_millis(600);
const WAIT_LIMIT_NS: u64 = 200 * NS_PER_MS;
/// CPU time of the game in `RUN` after the last resume: a tenth of what its frames need.
const GAME_LEAST_MS: u64 = 20;

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
    let game = start_game(ctx, &photon)?;
    let mut workers = vec![Worker::hog("hog"); cpus()];
    workers.extend((0..cpus()).map(|cpu| Worker::hog("bound").on(cpu).naps(NS_PER_MS, NS_PER_MS)));
    let load = Load::start(&workers)?;
    for n in 0..cycles {
        cycle(&photon, depth, n).map_err(|f| f.in_context(&format!("cycle {n}")))?;
    }
    load.finish()?;
    // Waits across a suspend include the suspend, so they are measured after it.
    let game_ns = || game.as_ref().map(|game| cpu_ns(game.0.id())).transpose();
    let before = game_ns()?;
    let load = Load::start(&workers)?;
    std::thread::sleep(RUN);
    let longest = load
        .finish()?
        .iter()
        .map(|d| d.max_wait_ns)
        .max()
        .unwrap_or(0);
    let game_ms = game_ns()?
        .zip(before)
        .map(|(ns, was)| (ns - was) / NS_PER_MS);
    let rescues = Sample::settled(&photon)?.counter("rescue_overdue")?;
    let metrics = json!({
        "cycles": cycles, "wait_ms": longest as f64 / NS_PER_MS as f64, "rescues": rescues, "game_ms": game_ms,
    });
    if longest > WAIT_LIMIT_NS {
        return Err(Fail::failed(format!("waits after resume: {metrics}")));
    }
    if game_ms.is_some_and(|ms| ms < GAME_LEAST_MS) {
        return Err(Fail::failed(format!("the game does not go on: {metrics}")));
    }
    drop(game);
    photon.stop()?;
    Ok(metrics)
}

/// One that is played when it is suspended, if the machine can make the mouse of its player. In a process of its own:
/// as threads of the game the load would be work of the game.
fn start_game(ctx: &Ctx, photon: &Photon) -> Result<Option<Killed>, Fail> {
    if !Path::new(UINPUT).exists() {
        return Ok(None);
    }
    std::fs::copy("/proc/self/exe", "/tmp/quake")?;
    let game = Killed(start_as(ctx, None, "game")?);
    photon.says(REGISTERED, 1, GIVE_UP)?;
    std::thread::sleep(BEGIN);
    Ok(Some(game))
}

/// Down and up again, attached before and after.
fn cycle(photon: &Photon, depth: Depth, n: u64) -> Result<(), Fail> {
    std::thread::sleep(BETWEEN);
    if depth == Depth::Real {
        std::fs::write(ALARM, "0")?;
        std::fs::write(ALARM, "+2")?;
    }
    std::fs::write(STATE, depth.state()).map_err(|e| Fail::failed(format!("suspend: {e}")))?;
    if depth == Depth::Processors {
        // The kernel has ended it with the first CPU.
        photon.says(ATTACHED, n as usize + 2, GIVE_UP)?;
    }
    match scx_state().as_deref() {
        Some("enabled") => Ok(()),
        _ => Err(Fail::failed(format!("ejected: {}", photon.log()))),
    }
}
