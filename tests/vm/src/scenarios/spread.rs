// SPDX-License-Identifier: GPL-2.0-only
//! As many hogs as CPUs: each has a CPU to itself, whatever the machine looks like. And as many that come later share
//! with them at once: nobody is owed anything for a time in which nobody else wanted the CPU.

use crate::load::{Done, Load, Worker};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::time::Duration;

const ALONE: Duration = Duration::from_secs(2);
const LEAST_ALONE: f64 = 0.90;
/// Half of a CPU is each one's share then; by this they were left 0.33 before hogs were charged where nobody stops them.
const TOGETHER: Duration = Duration::from_secs(1);
const LEAST_TOGETHER: f64 = 0.40;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &[])?;
    let hogs: Vec<Worker> = (0..cpus()).map(|_| Worker::hog("hog")).collect();
    let load = Load::start(&hogs)?;
    std::thread::sleep(ALONE);
    let alone = load.finish()?;
    let first = Load::start(&hogs)?;
    std::thread::sleep(ALONE);
    let later = Load::start(&hogs)?;
    std::thread::sleep(TOGETHER);
    let later = later.finish()?;
    first.finish()?;
    photon.stop()?;
    Ok(json!({
        "hogs": hogs.len(),
        "least_alone": least(&alone, LEAST_ALONE)?,
        "least_later": least(&later, LEAST_TOGETHER)?,
    }))
}

/// The smallest share of a CPU that anybody got.
fn least(done: &[Done], limit: f64) -> Result<f64, Fail> {
    let shares = done.iter().map(|d| d.cpu_ns as f64 / d.wall_ns as f64);
    let shares: Vec<f64> = shares.collect();
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    match least < limit {
        true => Err(Fail::failed(format!("shares of a CPU {shares:.3?}"))),
        false => Ok(least),
    }
}
