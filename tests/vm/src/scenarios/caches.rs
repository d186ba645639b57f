// SPDX-License-Identifier: GPL-2.0-only
//! A 60 Hz game whose frames are more than the CPUs of a last-level cache, beside a compile on all of them: frames do not
//! wait for each other in one cache while the other compiles.

use crate::bench;
use crate::load::llcs;
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play_for;
use serde_json::json;

const SECONDS: &str = "1.5";
const REPORT: &str = "/tmp/caches.json";
/// Of 90. Where no CPU took the frames of another cache, 58 to 72 were late; now 1 at most in nine runs.
const MOST_LATE: f64 = 9.0;

pub fn run(ctx: &Ctx) -> Outcome {
    if llcs().len() < 2 {
        return Err(Fail::skip("one last-level cache"));
    }
    let photon = Photon::start(ctx, &[])?;
    let report = play_for(ctx, "60v", "compile", SECONDS, REPORT)?;
    photon.stop()?;
    let metric = |key| bench::metric(&report, key);
    let late = metric("frames_late")?;
    let metrics = json!({
        "frames_late": late, "frame_p50_ms": metric("frame_p50_ms")?, "frame_p99_ms": metric("frame_p99_ms")?,
    });
    match late > MOST_LATE {
        true => Err(Fail::failed(format!("frames in two caches: {metrics}"))),
        false => Ok(metrics),
    }
}
