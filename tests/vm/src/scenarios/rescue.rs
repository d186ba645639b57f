// SPDX-License-Identifier: GPL-2.0-only
//! The hard cap on waiting holds even when the scheduler is broken: in a twin that forgets to tell a CPU of the tasks
//! queued for it, the timer finds them; in one whose fair tasks have endless slices it takes the CPUs from them. In a
//! healthy one it has nothing to do, so every rescue is a failure.

use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::time::Duration;

const RUN: Duration = Duration::from_secs(2);
/// The longest deadline and the margin are 100 ms, the timer looks every 10 or, on an idle machine, 100 ms. Twice the
/// 120 ms that DESIGN.md says of a busy machine.
const CAP_MS: u64 = 250;

pub fn run(ctx: &Ctx) -> Outcome {
    let broken = ctx.option("--sabotage").is_some();
    let photon = Photon::start(ctx, &STATS)?;
    let before = Sample::settled(&photon)?.counter("rescue_overdue")?;
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([
            Worker::hog("hog"),
            Worker::hog("bound").on(cpu),
            Worker::hog("bound-nap")
                .on(cpu)
                .naps(500 * NS_PER_US, 5 * NS_PER_MS),
        ]);
    }
    let load = Load::start(&workers)?;
    std::thread::sleep(RUN);
    let done = load.finish()?;
    let longest_ms = done
        .iter()
        .map(|d| d.max_wait_ns / NS_PER_MS)
        .max()
        .unwrap_or(0);
    if longest_ms > CAP_MS {
        return Err(past_the_cap(format!("a task waited {longest_ms} ms")));
    }
    if scx_state().as_deref() != Some("enabled") {
        return Err(past_the_cap("ejected"));
    }
    let rescues = Sample::settled(&photon)?.counter("rescue_overdue")? - before;
    let metrics = json!({"longest_wait_ms": longest_ms, "rescues": rescues});
    if broken != (rescues > 0) {
        return Err(Fail::failed(format!("{rescues} rescues")));
    }
    photon.stop()?;
    Ok(metrics)
}

/// A task that waits too long is seen by us or, after some seconds, by the kernel's watchdog, whoever comes first.
fn past_the_cap(seen: impl std::fmt::Display) -> Fail {
    Fail::failed(format!("past the cap: {seen}"))
}
