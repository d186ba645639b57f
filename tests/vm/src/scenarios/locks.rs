// SPDX-License-Identifier: GPL-2.0-only
//! A render thread that takes a lock which a thread of no frame holds, beside hogs: with the tunable the holder runs in
//! the frame's stead, without it or without the probe nobody does, and more frames are late. Late frames are counted, of
//! 180: the 99th percentile is that of the two slowest, which something else may have held up.

use crate::bench::metric;
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play_for;
use serde_json::json;

/// Of 10 to 18 that were seen.
const LEAST_LIFTS: u64 = 3;
/// Of the late frames without lifts, the mean of two runs: 0 to 0.27 was seen.
const MOST_OF_LATE: f64 = 0.6;
/// Late frames without lifts, likewise: 5.5 to 11 were seen. With none there is nothing that lifts could help.
const LEAST_UNAIDED: f64 = 3.0;
const SECONDS: &str = "3";
const REPORT: &str = "/tmp/locks.json";

struct Seen {
    lifts: u64,
    frames_late: f64,
}

pub fn run(ctx: &Ctx) -> Outcome {
    let on = game(ctx, &[])?;
    let off = game(ctx, &["--lock-lift-us", "0"])?;
    let blind = game(ctx, &["--no-lock-probe"])?;
    let metrics = json!({
        "lifts": on.lifts, "frames_late": on.frames_late, "frames_late_off": off.frames_late,
        "frames_late_no_probe": blind.frames_late,
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
    let unaided = (off.frames_late + blind.frames_late) / 2.0;
    if unaided < LEAST_UNAIDED {
        return Err(Fail::failed(format!(
            "hardly a frame is late without lifts: {metrics}"
        )));
    }
    if on.frames_late > unaided * MOST_OF_LATE {
        return Err(Fail::failed(format!("lifts help no frame: {metrics}")));
    }
    Ok(metrics)
}

fn game(ctx: &Ctx, more: &[&str]) -> Result<Seen, Fail> {
    let flags: Vec<&str> = STATS.iter().chain(more).copied().collect();
    let photon = Photon::start(ctx, &flags)?;
    let report = play_for(ctx, "locks", "hogs", SECONDS, REPORT)?;
    let lifts = Sample::settled(&photon)?.counter("lock_lift")?;
    photon.stop()?;
    Ok(Seen {
        lifts,
        frames_late: metric(&report, "frames_late")?,
    })
}
