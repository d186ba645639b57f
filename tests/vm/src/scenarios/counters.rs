// SPDX-License-Identifier: GPL-2.0-only
//! A tour that makes every counter move, and the sums that must hold exactly. What cannot be reached in this machine
//! is listed with the reason, and only that may stay at zero.

use crate::device::{Device, MOUSE};
use crate::load::llcs;
use crate::oneshot;
use crate::photon::Photon;
use crate::release::{TAKES_BACK, is_before};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::{demo, taken};
use crate::tour;
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::process::Command;

/// Mouse, reader, frame loop: chains, input, preemption.
const DEMO_SECONDS: u64 = 1;
const REPORTS: u64 = 200;
/// Sums are read while single wakeups go on; one of these samples falls between two.
const SUM_TRIES: usize = 20;
const CLASSES: [&str; 6] = [
    "class_input",
    "class_frame",
    "class_kernel",
    "class_game",
    "class_fair",
    "class_batch",
];

pub fn run(ctx: &Ctx) -> Outcome {
    let mouse = Device::new(&MOUSE)?;
    let photon = Photon::start(ctx, &STATS)?;
    tour::crowd()?;
    demo::bench(ctx, DEMO_SECONDS)?;
    tour::overload()?;
    tour::few()?;
    tour::let_go()?;
    tour::uneven()?;
    tour::readers_cpu_taken()?;
    tour::in_step()?;
    tour::held_by_realtime()?;
    taken::longest_wait(&mouse, None)?;
    mouse.play(0, REPORTS, NS_PER_MS)?;
    let sample = Sample::settled(&photon)?;
    let names = described(ctx)?;
    let reported: Vec<&String> = sample.counters()?.keys().collect();
    if names.len() != reported.len() || !names.iter().all(|n| reported.contains(&n)) {
        return Err(Fail::failed(format!(
            "--help-stats describes {names:?}, the statistics have {reported:?}"
        )));
    }
    let requeues = is_before(TAKES_BACK)?;
    let (mut still, mut excused) = (Vec::new(), Vec::new());
    for name in &names {
        match (sample.counter(name)?, unreachable(name, requeues)) {
            (0, Some(reason)) => excused.push(format!("{name}: {reason}")),
            (0, None) => still.push(name.as_str()),
            _ => {}
        }
    }
    if !still.is_empty() {
        return Err(Fail::failed(format!(
            "never incremented: {}; counters {:?}",
            still.join(" "),
            sample.counters()?
        )));
    }
    let sums = exact_sums(&photon)?;
    photon.stop()?;
    Ok(json!({"counters": names.len(), "unreachable": excused, "wakeups": sums}))
}

/// Why a counter may stay at zero here, on a kernel where whom a real-time task drives off is queued anew or not.
fn unreachable(name: &str, requeues: bool) -> Option<&'static str> {
    match name {
        "give_way" if requeues => Some("who was driven off is queued behind the reader already"),
        "why_dropped" => Some("needs 250 long waits a second on one CPU"),
        "ctx_missing" => Some("needs more than 65,535 tasks"),
        "frequency_asked" => Some("no governor; scenario `frequency`"),
        "turn_ended" => Some("fewer than 300 tasks wait for a CPU; scenario `spinners`"),
        "kick_late" => Some("counts a race of some hundred instructions"),
        "class_game" | "game_demoted" => Some("no game is played; scenario `family`"),
        "lock_lift" => Some("no frame waits for a lock; scenario `locks`"),
        "wake_display" => Some("no display; scenario `display`"),
        "wake_submitter" => Some("no GPU; scenario `submitter`"),
        "dispatch_steal" | "balance_llc" if llcs().len() < 2 => Some("one last-level cache"),
        "preempt_this" | "preempt_other" if cpus() < 2 => Some("one CPU"),
        _ => None,
    }
}

/// The names under `Counters:`.
fn described(ctx: &Ctx) -> Result<Vec<String>, Fail> {
    let help = oneshot::run(Command::new(&ctx.scx_photon).arg("--help-stats"))?.stdout;
    let section = help.lines().skip_while(|l| *l != "Counters:").skip(1);
    let names = section.take_while(|l| l.starts_with("  "));
    Ok(names
        .filter_map(|l| l.split_whitespace().next())
        .map(str::to_string)
        .collect())
}

/// Every wakeup has one class. A lost increment would show in every later sample.
fn exact_sums(photon: &Photon) -> Result<u64, Fail> {
    let mut last = (0, 0);
    for _ in 0..SUM_TRIES {
        let sample = Sample::settled(photon)?;
        let classes: Result<Vec<u64>, Fail> = CLASSES.iter().map(|c| sample.counter(c)).collect();
        last = (sample.counter("wakeups")?, classes?.iter().sum());
        if last.0 == last.1 {
            return Ok(last.0);
        }
    }
    Err(Fail::failed(format!(
        "{} wakeups, but {} of all classes",
        last.0, last.1
    )))
}
