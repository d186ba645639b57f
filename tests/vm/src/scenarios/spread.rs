// SPDX-License-Identifier: GPL-2.0-only
//! As many hogs as CPUs: each has a CPU to itself, whatever the machine looks like.

use crate::load::{Load, Worker, cpus};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::time::Duration;

const RUN: Duration = Duration::from_secs(2);
const SHARE: f64 = 0.90;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &[])?;
    let hogs: Vec<Worker> = (0..cpus()).map(|_| Worker::hog("hog")).collect();
    let load = Load::start(&hogs)?;
    std::thread::sleep(RUN);
    let done = load.finish()?;
    photon.stop()?;
    let shares: Vec<f64> = done
        .iter()
        .map(|d| d.cpu_ns as f64 / d.wall_ns as f64)
        .collect();
    let least = shares.iter().copied().fold(f64::INFINITY, f64::min);
    if least < SHARE {
        return Err(Fail::failed(format!("shares of a CPU {shares:.3?}")));
    }
    Ok(json!({"hogs": shares.len(), "least_share": least}))
}
