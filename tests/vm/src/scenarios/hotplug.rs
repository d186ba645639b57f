// SPDX-License-Identifier: GPL-2.0-only
//! A CPU goes away and comes back: the scheduler is attached again soon, by the same daemon, and uses what there is.
//! Arguments: `--limit-ms N`, `--share-percent N` (least share of a CPU that each of as many hogs as CPUs must get),
//! `--rounds N`, `--smt` (all siblings at once, by the kernel's own switch), `--prefer LIST` (the daemon's `--prefer-cpus`;
//! CPUs in it may go). What `set` has changed still counts then, and a game that `scx_photon run` started is one.

use crate::effects::Daemon;
use crate::killed::Killed;
use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

const LIMIT_MS: u64 = 1000;
const POLL: Duration = Duration::from_millis(2);
/// The kernel ends the scheduler a moment after the CPU has changed.
const NOTICE: Duration = Duration::from_millis(50);
const RUN: Duration = Duration::from_millis(500);
/// Two of them on one CPU would have 50; before its probes were loaded the daemon took 22 of one.
const SHARE_PERCENT: u64 = 65;
/// Not the default.
const SLICE_US: u64 = 2000;
/// In the log, each time that the game is found.
const REGISTERED: &str = "it was started by `scx_photon run`";
/// Before 7.0 the probes are attached up to a second after the scheduler, and the game is looked for after them. Where
/// the time is the host's this is many times that.
const GIVE_UP: Duration = Duration::from_secs(120);

pub fn run(ctx: &Ctx) -> Outcome {
    let limit = Duration::from_millis(ctx.number("--limit-ms", LIMIT_MS)?);
    let share = ctx.number("--share-percent", SHARE_PERCENT)? as f64 / 100.0;
    let rounds = ctx.number("--rounds", 1)?;
    let [file, off, on] = switch(ctx.flag("--smt"))?;
    let list = ctx.option("--prefer").unwrap_or("auto");
    let photon = Photon::start(ctx, &["--prefer-cpus", list])?;
    let daemon = Daemon { ctx, photon };
    daemon.set(&[&format!("slice_us={SLICE_US}")])?;
    let game = start_game(ctx)?;
    found(&daemon.photon, 1)?;
    let (mut gaps, mut least) = (Vec::new(), f64::MAX);
    for value in [&off, &on].iter().cycle().take(2 * rounds as usize) {
        std::fs::write(&file, value)?;
        gaps.push(gap(&daemon.photon)?.as_millis() as u64);
        // After the probes, whose loading takes a CPU.
        found(&daemon.photon, 1 + gaps.len())?;
        still_set(&daemon)?;
        least = least.min(least_share(cpus(), share)?);
    }
    drop(game);
    daemon.photon.stop()?;
    if let Some(gap) = gaps.iter().find(|g| **g > limit.as_millis() as u64) {
        return Err(Fail::failed(format!(
            "attached again only after {gap} ms, not {limit:?}: {gaps:?}"
        )));
    }
    Ok(json!({"gaps_ms": gaps, "least_share": least}))
}

/// The file that takes CPUs away and gives them back, and what to write for that.
fn switch(smt: bool) -> Result<[String; 3], Fail> {
    const SMT: &str = "/sys/devices/system/cpu/smt/control";
    if smt {
        return match std::fs::read_to_string(SMT)?.trim() {
            "on" => Ok([SMT, "off", "on"].map(str::to_string)),
            other => Err(Fail::skip(format!("SMT is {other}"))),
        };
    }
    let last = cpus() - 1;
    let file = format!("/sys/devices/system/cpu/cpu{last}/online");
    if last == 0 || !std::path::Path::new(&file).exists() {
        return Err(Fail::skip("no CPU can be taken away"));
    }
    Ok([&file, "0", "1"].map(str::to_string))
}

/// How long it takes from now until the scheduler is there and stays.
fn gap(photon: &Photon) -> Result<Duration, Fail> {
    const GIVE_UP: Duration = Duration::from_secs(60);
    let begin = Instant::now();
    let mut away = Duration::ZERO;
    let mut there_since = Instant::now();
    while there_since.elapsed() < NOTICE || !photon.is_alive()? {
        if scx_state().as_deref() != Some("enabled") {
            there_since = Instant::now();
            away = begin.elapsed();
        }
        if begin.elapsed() > GIVE_UP || !photon.is_alive()? {
            return Err(Fail::failed(format!(
                "not attached again: {}",
                photon.log()
            )));
        }
        std::thread::sleep(POLL);
    }
    Ok(away)
}

/// A game that is known by being registered alone.
fn start_game(ctx: &Ctx) -> Result<Killed, Fail> {
    std::fs::copy("/proc/self/exe", "/tmp/quake")?;
    let mut run = Command::new(&ctx.scx_photon);
    run.args(["run", "--", "/tmp/quake", "hold", "600"]);
    Ok(Killed(run.spawn()?))
}

/// The daemon has found the game so often: anew after each attachment.
fn found(photon: &Photon, times: usize) -> Result<(), Fail> {
    photon.says(REGISTERED, times, GIVE_UP)
}

fn still_set(daemon: &Daemon) -> Result<(), Fail> {
    let begin = Instant::now();
    loop {
        match daemon.is("slice_us", SLICE_US) {
            Err(_) if begin.elapsed() < GIVE_UP => std::thread::sleep(NOTICE),
            ended => return ended,
        }
    }
}

/// As many hogs as CPUs, each on its own: what the one with the least got, which must be `limit` or more.
fn least_share(count: usize, limit: f64) -> Result<f64, Fail> {
    let load = Load::start(&vec![Worker::hog("hog"); count])?;
    std::thread::sleep(RUN);
    let shares = load.finish()?;
    let shares = shares.iter().map(|d| d.cpu_ns as f64 / d.wall_ns as f64);
    let least = shares.fold(f64::MAX, f64::min);
    match least < limit {
        true => Err(Fail::failed(format!(
            "{count} hogs on {count} CPUs, one got {least:.2} of a CPU"
        ))),
        false => Ok(least),
    }
}
