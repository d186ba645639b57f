// SPDX-License-Identifier: GPL-2.0-only
//! Nobody starves: hogs, pinned tasks on every CPU, and tasks of nice 19, SCHED_BATCH and SCHED_IDLE together. Tasks
//! measure their own waits (the longest gap of a burning loop on the wall clock, less the CPU time it got); kernel
//! threads are judged by the kernel's account of their waits (see kthreads.rs). Arguments: `--seconds N`.

use crate::kthreads::{Waits, Watch};
use crate::load::{Done, Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::{Policy, cpus};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

const SECONDS: u64 = 60;
const TASK_LIMIT_NS: u64 = 100 * NS_PER_MS;
const KTHREAD_LIMIT_NS: u64 = 20 * NS_PER_MS;
/// Fewer runs of kernel threads a second than this, and their bound means nothing.
const KTHREAD_RUNS_PER_SECOND: u64 = 20;

pub fn run(ctx: &Ctx) -> Outcome {
    let seconds = ctx.number("--seconds", SECONDS)?;
    let photon = Photon::start(ctx, &[])?;
    let load = Load::start(&everybody())?;
    let watch = Watch::start()?;
    std::thread::sleep(Duration::from_secs(seconds));
    let kthreads = watch.finish()?;
    let longest = longest_waits(&load.finish()?);
    let state = scx_state();
    let metrics = json!({"longest_wait_us": longest, "kthreads": kthreads, "seconds": seconds});
    let enabled = state.as_deref() == Some("enabled");
    judge(&longest, &kthreads, seconds, enabled)
        .map_err(|why| Fail::failed(format!("{why}: {metrics}")))?;
    photon.stop()?;
    Ok(metrics)
}

fn everybody() -> Vec<Worker> {
    let mut all = Vec::new();
    for cpu in 0..cpus() {
        all.extend([
            Worker::hog("hog"),
            Worker::hog("pinned").on(cpu),
            Worker::hog("pinned-nap")
                .on(cpu)
                .naps(300 * NS_PER_US, 3 * NS_PER_MS),
            Worker::hog("nice19").policy(Policy::Other { nice: 19 }),
            Worker::hog("batch").policy(Policy::Batch { nice: 0 }),
            Worker::hog("idle").policy(Policy::Idle),
            // Short sleepers are what makes others wait, if anything does.
            Worker::hog("nap").naps(NS_PER_MS, 100 * NS_PER_US),
        ]);
    }
    all
}

/// By kind of task, microseconds.
fn longest_waits(done: &[Done]) -> BTreeMap<&'static str, u64> {
    let mut longest = BTreeMap::new();
    for task in done {
        let wait = longest.entry(task.name).or_insert(0);
        *wait = (*wait).max(task.max_wait_ns / NS_PER_US);
    }
    longest
}

fn judge(
    longest: &BTreeMap<&str, u64>,
    kthreads: &Waits,
    seconds: u64,
    enabled: bool,
) -> Result<(), String> {
    for (name, wait_us) in longest {
        if wait_us * NS_PER_US > TASK_LIMIT_NS {
            return Err(format!(
                "a task of kind {name} waited {} ms",
                wait_us / 1000
            ));
        }
    }
    if !enabled {
        return Err(
            "the kernel ejected the scheduler: somebody waited until its watchdog".to_string(),
        );
    }
    if kthreads.max_ns > KTHREAD_LIMIT_NS {
        let ms = kthreads.max_ns / NS_PER_MS;
        return Err(format!("{} waited {ms} ms", kthreads.thread));
    }
    if kthreads.runs < seconds * KTHREAD_RUNS_PER_SECOND {
        return Err(format!("kernel threads ran only {} times", kthreads.runs));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_judged() {
        let kthreads = |max_ns, runs| Waits {
            max_ns,
            runs,
            thread: "kworker".into(),
        };
        let tasks = |us| BTreeMap::from([("hog", us)]);
        assert!(judge(&tasks(99_000), &kthreads(1, 100), 1, true).is_ok());
        assert!(judge(&tasks(100_001), &kthreads(1, 100), 1, true).is_err());
        assert!(judge(&tasks(1), &kthreads(KTHREAD_LIMIT_NS + 1, 100), 1, true).is_err());
        assert!(judge(&tasks(1), &kthreads(1, 0), 1, true).is_err());
        assert!(judge(&tasks(1), &kthreads(1, 100), 1, false).is_err());
    }
}
