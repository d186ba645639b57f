// SPDX-License-Identifier: GPL-2.0-only
//! A tour that makes every counter move, and the sums that must hold exactly. What cannot be reached in this machine
//! is listed with the reason, and only that may stay at zero.

use crate::device::{Device, MOUSE};
use crate::load::{Load, Policy, Worker, cpus};
use crate::oneshot;
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::demo;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use serde_json::json;
use std::process::Command;
use std::time::Duration;

const RUN: Duration = Duration::from_secs(2);
/// Mouse, reader, frame loop: chains, input, preemption.
const DEMO_SECONDS: u64 = 2;
const REPORTS: u64 = 200;
/// Sums are read while single wakeups go on; one of these samples falls between two.
const SUM_TRIES: usize = 20;
const CLASSES: [&str; 5] = [
    "class_input",
    "class_frame",
    "class_kernel",
    "class_fair",
    "class_batch",
];

pub fn run(ctx: &Ctx) -> Outcome {
    let mouse = Device::new(&MOUSE)?;
    let photon = Photon::start(ctx, &STATS)?;
    crowd()?;
    demo::bench(ctx, DEMO_SECONDS)?;
    few()?;
    mouse.play(0, REPORTS, NS_PER_MS)?;
    let sample = Sample::settled(&photon)?;
    let names = described(ctx)?;
    let reported: Vec<&String> = sample.counters()?.keys().collect();
    if names.len() != reported.len() || !names.iter().all(|n| reported.contains(&n)) {
        return Err(Fail::failed(format!(
            "--help-stats describes {names:?}, the statistics have {reported:?}"
        )));
    }
    let (mut still, mut excused) = (Vec::new(), Vec::new());
    for name in &names {
        match (sample.counter(name)?, unreachable(name)) {
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

/// Why a counter may stay at zero here.
fn unreachable(name: &str) -> Option<&'static str> {
    let symbols = std::fs::read_to_string("/proc/kallsyms").unwrap_or_default();
    let newer_rescue = symbols.contains("scx_bpf_reenqueue_local___v2");
    match name {
        "ctx_missing" => Some("needs more than 65,535 tasks"),
        "dispatch_steal" if llcs() < 2 => Some("one last-level cache"),
        "rt_rescue" if newer_rescue => Some("the kernel re-enqueues by itself since 6.19"),
        _ => None,
    }
}

fn llcs() -> usize {
    let mut seen = std::collections::BTreeSet::new();
    for cpu in 0..cpus() {
        let base = format!("/sys/devices/system/cpu/cpu{cpu}");
        let cache = std::fs::read_to_string(format!("{base}/cache/index3/shared_cpu_list"));
        seen.insert(cache.unwrap_or_default());
    }
    seen.len()
}

/// More runnable tasks than CPUs, of every kind, bound and not.
fn crowd() -> Result<(), Fail> {
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([
            Worker::hog("hog"),
            Worker::hog("pinned").on(cpu),
            Worker::hog("nap").naps(2 * NS_PER_MS, NS_PER_MS),
            Worker::hog("pinned-nap")
                .on(cpu)
                .naps(200 * NS_PER_US, NS_PER_MS),
            Worker::hog("batch")
                .policy(Policy::Batch)
                .naps(5 * NS_PER_MS, NS_PER_MS),
            Worker::hog("rt")
                .policy(Policy::Fifo(1))
                .naps(500 * NS_PER_US, 5 * NS_PER_MS),
        ]);
    }
    let load = Load::start(&workers)?;
    std::thread::sleep(RUN);
    load.finish()?;
    Ok(())
}

/// Fewer tasks than CPUs: idle CPUs, and in a machine of two caches one that has less than the other.
fn few() -> Result<(), Fail> {
    let load = Load::start(&[
        Worker::hog("hog"),
        Worker::hog("nap").naps(NS_PER_MS, NS_PER_MS),
        Worker::hog("nap").naps(3 * NS_PER_MS, NS_PER_MS),
    ])?;
    std::thread::sleep(RUN / 2);
    load.finish()?;
    Ok(())
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
