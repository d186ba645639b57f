// SPDX-License-Identifier: GPL-2.0-only
//! More hogs than CPUs, and more of them in one last-level cache than in the other: after a while all have the same.

use crate::load::{Load, Worker, allow_all, bind, bind_process, llcs};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::path::Path;
use std::time::Duration;

/// Hogs a CPU: of the first cache, of the second.
const HOGS: [usize; 2] = [3, 2];
/// Bound where they are, until they wait there.
const BOUND: Duration = Duration::from_millis(300);
/// One is moved every 20 ms, and the fair clock forgets in 100.
const SETTLE: Duration = Duration::from_millis(1500);
const MEASURED: Duration = Duration::from_secs(2);
/// Left where they are, those of the longer queue have 0.67 of what the others have.
const LEAST: f64 = 0.88;

pub fn run(ctx: &Ctx) -> Outcome {
    let llcs = llcs();
    let [first, second] = llcs.as_slice() else {
        return Err(Fail::skip(format!("{} last-level caches", llcs.len())));
    };
    let photon = Photon::start(ctx, &[])?;
    let mut loads = Vec::new();
    for (cpus, hogs) in [first, second].into_iter().zip(HOGS) {
        // Threads may use what whoever made them might.
        bind(cpus.clone())?;
        loads.push(Load::start(&vec![Worker::hog("hog"); hogs * cpus.len()])?);
    }
    allow_all()?;
    std::thread::sleep(BOUND);
    bind_process(Path::new("/proc/self"), first.start..second.end)?;
    std::thread::sleep(SETTLE);
    let before = ran(&loads)?;
    std::thread::sleep(MEASURED);
    let after = ran(&loads)?;
    for load in loads {
        load.finish()?;
    }
    photon.stop()?;
    let shares: Vec<f64> = before.iter().zip(&after).map(|(b, a)| a - b).collect();
    let [few, many] = [shares[0].min(shares[1]), shares[0].max(shares[1])];
    match few < LEAST * many {
        true => Err(Fail::failed(format!(
            "CPU seconds of each hog {shares:.3?}"
        ))),
        false => Ok(json!({"cpu_s_of_each": shares})),
    }
}

/// CPU seconds of each hog so far, mean of each load.
fn ran(loads: &[Load]) -> Result<Vec<f64>, Fail> {
    loads.iter().map(|load| load.mean_cpu_s()).collect()
}
