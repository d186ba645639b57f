// SPDX-License-Identifier: GPL-2.0-only
//! It attaches under load, and SIGINT and SIGTERM detach it within 250 ms: the kernel's own scheduler is back. The
//! process is gone soon after; before 7.0 taking its probe off waits for every task to pass through the kernel.

use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::{Policy, cpus, set_policy};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Measured by this process, which waits for its CPU among the hogs like every other.
const LIMIT: Duration = Duration::from_millis(250);
/// After all programs are verified.
const ATTACH_LIMIT: Duration = Duration::from_millis(100);
const ABOVE_THE_LOAD: Policy = Policy::Fifo(1);
const POLL: Duration = Duration::from_micros(200);
/// 0.98 s were seen on 6.16.
const GONE_LIMIT: Duration = Duration::from_secs(2);
const RUN: Duration = Duration::from_millis(500);
const SIGNALS: [(&str, i32); 2] = [("SIGINT", libc::SIGINT), ("SIGTERM", libc::SIGTERM)];

/// How long the kernel takes from when it begins to hand its tasks over until it has. Where its beginning is not seen
/// nothing is measured, which must not look like no time at all.
fn attaching() -> Result<Duration, Fail> {
    set_policy(ABOVE_THE_LOAD)?;
    let mut begin: Option<Instant> = None;
    loop {
        match scx_state().as_deref() {
            Some("enabled") => {
                let unseen = || Fail::failed("attached, and never seen `enabling`: not measured");
                return Ok(begin.ok_or_else(unseen)?.elapsed());
            }
            Some("enabling") => _ = begin.get_or_insert_with(Instant::now),
            _ => {}
        }
        std::thread::sleep(POLL);
    }
}

pub fn run(ctx: &Ctx) -> Outcome {
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([Worker::hog("hog"), Worker::hog("pinned").on(cpu)]);
        workers.push(Worker::hog("nap").naps(200 * NS_PER_US, NS_PER_MS));
    }
    let mut took = serde_json::Map::new();
    for (name, signal) in SIGNALS {
        // First: there were kernels whose attaching, with a lock that all wait for, was starved by such a load.
        let load = Load::start(&workers)?;
        let watch = std::thread::spawn(attaching);
        let photon = Photon::start(ctx, &[])?;
        let attached = watch.join();
        let attached = attached.map_err(|_| Fail::failed("the watch panicked"))??;
        std::thread::sleep(RUN);
        let stopped = photon.signal_and_wait(signal)?;
        let state = scx_state();
        load.finish()?;
        if stopped.code != Some(0) || state.as_deref() != Some("disabled") {
            return Err(Fail::failed(format!(
                "{name}: exit code {:?}, sched_ext {state:?}: {}",
                stopped.code, stopped.log
            )));
        }
        if stopped.detached > LIMIT || stopped.took > GONE_LIMIT {
            return Err(Fail::failed(format!(
                "{name}: detached after {:?}, gone after {:?}",
                stopped.detached, stopped.took
            )));
        }
        if attached > ATTACH_LIMIT {
            return Err(Fail::failed(format!("{name}: attached in {attached:?}")));
        }
        let us = [attached, stopped.detached, stopped.took].map(|d| d.as_micros() as u64);
        took.insert(
            name.into(),
            json!({"attached": us[0], "detached": us[1], "gone": us[2]}),
        );
    }
    Ok(json!({"took_us": Value::Object(took)}))
}
