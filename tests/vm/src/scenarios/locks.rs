// SPDX-License-Identifier: GPL-2.0-only
//! A render thread that takes a lock which a thread of no frame holds, beside hogs: with the tunable the holder runs in
//! the frame's stead, without it or without the probe nobody does, and the slowest frames take longer.

use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play;
use serde_json::json;

/// Of nine that were seen; holders that run already are not preempted, and not counted.
const LEAST_LIFTS: u64 = 3;
/// Of the p99 without lifts, the mean of two runs: 0.66 to 0.80 was seen.
const MOST_OF_SLOWER: f64 = 0.9;
const REPORT: &str = "/tmp/locks.json";

struct Seen {
    lifts: u64,
    frame_p99_ms: f64,
}

pub fn run(ctx: &Ctx) -> Outcome {
    let on = game(ctx, &[])?;
    let off = game(ctx, &["--lock-lift-us", "0"])?;
    let blind = game(ctx, &["--no-lock-probe"])?;
    let metrics = json!({
        "lifts": on.lifts, "frame_p99_ms": on.frame_p99_ms, "frame_p99_ms_off": off.frame_p99_ms,
        "frame_p99_ms_no_probe": blind.frame_p99_ms,
    });
    if on.lifts < LEAST_LIFTS {
        return Err(Fail::failed(format!("holders are not lifted: {metrics}")));
    }
    if off.lifts + blind.lifts > 0 {
        return Err(Fail::failed(format!(
            "{} lifts with the tunable at 0, {} without the probe",
            off.lifts, blind.lifts
        )));
    }
    let slower = (off.frame_p99_ms + blind.frame_p99_ms) / 2.0;
    if on.frame_p99_ms > slower * MOST_OF_SLOWER {
        return Err(Fail::failed(format!("lifts help no frame: {metrics}")));
    }
    Ok(metrics)
}

fn game(ctx: &Ctx, more: &[&str]) -> Result<Seen, Fail> {
    let flags: Vec<&str> = STATS.iter().chain(more).copied().collect();
    let photon = Photon::start(ctx, &flags)?;
    let report = play(ctx, "locks", "hogs", REPORT)?;
    let lifts = Sample::settled(&photon)?.counter("lock_lift")?;
    photon.stop()?;
    let p99 = report["metrics"]["frame_p99_ms"].as_f64();
    Ok(Seen {
        lifts,
        frame_p99_ms: p99.ok_or_else(|| Fail::failed("the report has no frame_p99_ms"))?,
    })
}
