// SPDX-License-Identifier: GPL-2.0-only
//! A CPU goes away beside a load and comes back: the scheduler is attached again soon, by the same daemon, and uses
//! what there is; meanwhile nobody of the load waits for long, whoever schedules. What `set` has changed still counts
//! then, and a game that `scx_photon run` started is one. Arguments: `--limit-ms N` (until it is attached again),
//! `--wait-ms N` (longest wait), `--share N` (least share of a CPU, percent, that each of as many hogs as CPUs must
//! get), `--rounds N`, `--smt` (all siblings at once, by the kernel's own switch), `--prefer LIST` (the daemon's
//! `--prefer-cpus`; CPUs in it may go).

use crate::effects::Daemon;
use crate::killed::Killed;
use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

/// To attach again is to have every program verified again: up to 3 s of a CPU where each instruction is a nanosecond.
/// The daemon shares its CPU with the load, of which there is twice as much a CPU when half of them are gone.
const LIMIT_MS: u64 = 20_000;
/// The longest deadline of ours, 80 ms, and more than as much again for all who change over at once, with half the CPUs
/// gone. The kernel's own scheduler has slices of some milliseconds.
const WAIT_MS: u64 = 300;
/// Until the load is as it will be when the CPU goes.
const BEFORE: Duration = Duration::from_millis(50);
const POLL: Duration = Duration::from_millis(2);
/// So long it must stay: the kernel ends it once more for each further CPU that changes.
const NOTICE: Duration = Duration::from_millis(50);
const RUN: Duration = Duration::from_millis(500);
/// Two of them on one CPU would have 50; before its probes were loaded the daemon took 22 of one.
const SHARE_PERCENT: u64 = 65;
/// Not the default.
const SLICE_US: u64 = 2000;
/// In the log, each time that the game is found.
pub const REGISTERED: &str = "it was started by `scx_photon run`";
/// Before 7.0 the probes are attached up to a second after the scheduler, and the game is looked for after them. Where
/// the time is the host's this is many times that.
const GIVE_UP: Duration = Duration::from_secs(120);

pub fn run(ctx: &Ctx) -> Outcome {
    let limit_ms = ctx.number("--limit-ms", LIMIT_MS)?;
    let wait = Duration::from_millis(ctx.number("--wait-ms", WAIT_MS)?);
    let share = ctx.number("--share", SHARE_PERCENT)? as f64 / 100.0;
    let rounds = ctx.number("--rounds", 1)?;
    let [file, off, on] = switch(ctx.flag("--smt"))?;
    let list = ctx.option("--prefer").unwrap_or("auto");
    let photon = Photon::start(ctx, &["--prefer-cpus", list])?;
    let daemon = Daemon { ctx, photon };
    daemon.set(&[&format!("slice_us={SLICE_US}")])?;
    let game = start_game(ctx)?;
    found(&daemon.photon, 1)?;
    let workers = beside();
    let (mut gaps, mut longest_ms, mut least) = (Vec::new(), 0, f64::MAX);
    for value in [&off, &on].iter().cycle().take(2 * rounds as usize) {
        let load = Load::start(&workers)?;
        std::thread::sleep(BEFORE);
        std::fs::write(&file, value)?;
        gaps.push(gap(&daemon.photon)?.as_millis() as u64);
        let since = load.cpu_ns()?;
        // After the probes, whose loading takes a CPU.
        found(&daemon.photon, 1 + gaps.len())?;
        still_set(&daemon)?;
        load.goes_on(&since, wait)?;
        let waits = load
            .finish()?
            .into_iter()
            .map(|d| d.max_wait_ns / NS_PER_MS);
        longest_ms = waits.fold(longest_ms, u64::max);
        least = least.min(least_share(cpus(), share)?);
    }
    drop(game);
    daemon.photon.stop()?;
    let metrics = json!({"gaps_ms": gaps, "longest_wait_ms": longest_ms, "least_share": least});
    if gaps.iter().any(|gap| *gap > limit_ms) {
        return Err(Fail::failed(format!(
            "attached again only after more than {limit_ms} ms: {metrics}"
        )));
    }
    match Duration::from_millis(longest_ms) > wait {
        true => Err(Fail::failed(format!(
            "waited longer than {wait:?}: {metrics}"
        ))),
        false => Ok(metrics),
    }
}

/// Held across the change: a hog for each CPU that there is before it, and as many that come and go. Nobody is bound:
/// whose CPU goes, from him the kernel takes the binding.
fn beside() -> Vec<Worker> {
    let nap = Worker::hog("nap").naps(NS_PER_MS, 2 * NS_PER_MS);
    [Worker::hog("hog"), nap].repeat(cpus())
}

/// The file that takes CPUs away and gives them back, and what to write for that.
pub fn switch(smt: bool) -> Result<[String; 3], Fail> {
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

/// How long it takes from now until the scheduler is there again and stays. That it goes must be seen, or nothing would
/// be measured.
fn gap(photon: &Photon) -> Result<Duration, Fail> {
    let begin = Instant::now();
    let (mut away, mut there_since) = (None, begin);
    loop {
        if scx_state().as_deref() != Some("enabled") {
            there_since = Instant::now();
            away = Some(begin.elapsed());
        }
        if let Some(away) = away
            && there_since.elapsed() >= NOTICE
        {
            return Ok(away);
        }
        if begin.elapsed() > GIVE_UP || !photon.is_alive()? {
            let seen = away.map_or("never away", |_| "away");
            return Err(Fail::failed(format!(
                "not attached again, {seen}: {}",
                photon.log()
            )));
        }
        std::thread::sleep(POLL);
    }
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
