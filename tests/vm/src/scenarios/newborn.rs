// SPDX-License-Identifier: GPL-2.0-only
//! A thread that makes many others on a busy machine of several last-level caches, as `make -j` does: they are not all
//! queued in its own, out of which the timer would move one a beat while the others have little to do.

use crate::load::{Load, Worker, llcs};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// New threads a CPU: more than the timer moves in the time.
const NEWBORN: usize = 16;
const SETTLE: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_millis(600);
/// Of the CPU time that the old hogs of a cache have, by how much it may be less than in the other: all queued in one
/// cache, its hogs had a quarter of what the others had.
const LEAST: f64 = 0.6;

pub fn run(ctx: &Ctx) -> Outcome {
    let llcs = llcs();
    if llcs.len() < 2 {
        return Err(Fail::skip("one last-level cache"));
    }
    let photon = Photon::start(ctx, &[])?;
    let bound = |range: &std::ops::Range<usize>| -> Vec<Worker> {
        range
            .clone()
            .map(|cpu| Worker::hog("hog").on(cpu))
            .collect()
    };
    let old: Vec<Load> = llcs
        .iter()
        .map(|range| Load::start(&bound(range)))
        .collect::<Result<_, _>>()?;
    std::thread::sleep(SETTLE);
    let stop = Arc::new(AtomicBool::new(false));
    let newborn: Vec<_> = (0..NEWBORN * cpus())
        .map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    crate::load::burn(1_000_000);
                }
            })
        })
        .collect();
    let before = ran(&old)?;
    std::thread::sleep(MEASURED);
    let after = ran(&old)?;
    stop.store(true, Ordering::Relaxed);
    for thread in newborn {
        thread
            .join()
            .map_err(|_| Fail::failed("a thread panicked"))?;
    }
    for load in old {
        load.finish()?;
    }
    photon.stop()?;
    let shares: Vec<f64> = before.iter().zip(&after).map(|(b, a)| a - b).collect();
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    let most = shares.iter().copied().fold(0.0, f64::max);
    match least < LEAST * most {
        true => Err(Fail::failed(format!(
            "CPU seconds of an old hog in each cache {shares:.3?}"
        ))),
        false => Ok(json!({"cpu_s_of_old_hogs": shares})),
    }
}

/// CPU seconds of each old hog so far, mean of each cache.
fn ran(loads: &[Load]) -> Result<Vec<f64>, Fail> {
    loads.iter().map(|load| load.mean_cpu_s()).collect()
}
