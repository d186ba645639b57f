// SPDX-License-Identifier: GPL-2.0-only
//! Hogs that go on in a new thread every 2 ms, beside as many plain hogs, twice as many threads as CPUs: who begins anew
//! has the debt of who made it, and so no more than its share.

use crate::load::{Load, Worker, burn};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, thread_cpu_ns};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const RUN: Duration = Duration::from_secs(3);
/// Less than a slice: whoever makes a thread has not asked for another yet.
const LIFE_NS: u64 = 2 * NS_PER_MS;
/// Of what a plain hog gets.
const MOST: f64 = 1.1;
/// Of 2,800 that were seen.
const LEAST_LIVES: u64 = 100;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &[])?;
    let relay = Arc::new(Relay::default());
    let hogs = Load::start(&vec![Worker::hog("hog"); cpus()])?;
    for _ in 0..cpus() {
        next(&relay)?;
    }
    std::thread::sleep(RUN);
    relay.stop.store(true, Ordering::Relaxed);
    let hogs: u64 = hogs.finish()?.iter().map(|d| d.cpu_ns).sum();
    let relayed = relay.ran_ns.load(Ordering::Relaxed);
    photon.stop()?;
    let lives = relay.lives.load(Ordering::Relaxed);
    let times = relayed as f64 / hogs.max(1) as f64;
    let metrics = json!({"times_a_hogs_share": times, "lives": lives});
    if times > MOST {
        return Err(Fail::failed(format!("a new thread pays: {metrics}")));
    }
    if lives < LEAST_LIVES {
        return Err(Fail::failed(format!("they did not run: {metrics}")));
    }
    Ok(metrics)
}

#[derive(Default)]
struct Relay {
    stop: AtomicBool,
    ran_ns: AtomicU64,
    lives: AtomicU64,
}

/// Burns, starts the next, and ends.
fn next(relay: &Arc<Relay>) -> std::io::Result<()> {
    let relay = Arc::clone(relay);
    let thread = std::thread::Builder::new().name("relay".into());
    let thread = thread.spawn(move || {
        burn(LIFE_NS);
        relay.ran_ns.fetch_add(thread_cpu_ns(), Ordering::Relaxed);
        relay.lives.fetch_add(1, Ordering::Relaxed);
        if !relay.stop.load(Ordering::Relaxed) {
            // Without a thread for it the relay ends, and too few lives are found.
            let _ = next(&relay);
        }
    });
    thread.map(drop)
}
