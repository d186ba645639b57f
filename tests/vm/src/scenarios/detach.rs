// SPDX-License-Identifier: GPL-2.0-only
//! It attaches under load, and SIGINT and SIGTERM detach it within 250 ms: the kernel's own scheduler is back. The process is gone
//! soon after; before 7.0 taking its probe off waits for every task to pass through the kernel.

use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::cpus;
use serde_json::{Value, json};
use std::time::Duration;

/// Measured by this process, which waits for its CPU among the hogs like every other.
const LIMIT: Duration = Duration::from_millis(250);
/// 0.98 s were seen on 6.16.
const GONE_LIMIT: Duration = Duration::from_secs(2);
const RUN: Duration = Duration::from_millis(500);
const SIGNALS: [(&str, i32); 2] = [("SIGINT", libc::SIGINT), ("SIGTERM", libc::SIGTERM)];

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
        let photon = Photon::start(ctx, &[])?;
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
        let us = [stopped.detached, stopped.took].map(|d| d.as_micros() as u64);
        took.insert(name.into(), json!({"detached": us[0], "gone": us[1]}));
    }
    Ok(json!({"took_us": Value::Object(took)}))
}
