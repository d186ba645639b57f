// SPDX-License-Identifier: GPL-2.0-only
//! A 60 Hz game beside hogs, of which many are bound to one CPU: of such a crowd somebody is always overdue, and a frame
//! that comes to that CPU must not wait for all of it, nor the timer take it for a defect.

use crate::bench;
use crate::load::{Load, Worker};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play_for;
use serde_json::json;

/// On one CPU: their round takes longer than the deadline of each.
const CROWD: usize = 16;
const CPU: usize = 0;
const SECONDS: &str = "3";
const REPORT: &str = "/tmp/crowd.json";
/// Of 180.
const MOST_LATE: f64 = 9.0;
/// In the first round, before anybody is known for a hog: 3 were seen.
const MOST_RESCUES: u64 = 10;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &STATS)?;
    let crowd = Load::start(&vec![Worker::hog("crowd").on(CPU); CROWD])?;
    let report = play_for(ctx, "60v", "hogs", SECONDS, REPORT)?;
    let waited: Vec<u64> = crowd.finish()?.iter().map(|w| w.max_wait_ns).collect();
    let rescues = Sample::settled(&photon)?.counter("rescue_overdue")?;
    photon.stop()?;
    let metric = |key| bench::metric(&report, key);
    let late = metric("frames_late")?;
    let metrics = json!({
        "frames_late": late, "frame_p99_ms": metric("frame_p99_ms")?, "rescues": rescues,
        "input_wake_p999_us": metric("input_wake_p999_us")?, "crowd_wait_ns": waited.iter().max(),
    });
    match late > MOST_LATE || rescues > MOST_RESCUES {
        true => Err(Fail::failed(format!(
            "beside a crowd on one CPU: {metrics}"
        ))),
        false => Ok(metrics),
    }
}
