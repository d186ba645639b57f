// SPDX-License-Identifier: GPL-2.0-only
//! What the daemon itself costs while a game plays at 144 Hz: CPU time, user and system, a second. Once it took a third
//! of a CPU (`why` looked at every frame again and again), which the game's frames showed.

use crate::bench;
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::process::{Command, Stdio};

const SECONDS: u64 = 5;
/// Of one CPU that does an instruction a nanosecond, so a fifth of it on hardware. Three times what it was seen to take.
const LIMIT_MS_A_SECOND: u64 = 75;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &[])?;
    let before: u64 = photon.cpu_ms()?.iter().sum();
    bench::run(
        Command::new(&ctx.photon_bench)
            .args(["run", "--profile", "144", "--settle", "0.5", "--seconds"])
            .arg(SECONDS.to_string())
            .stdout(Stdio::null()),
    )?;
    let took = photon.cpu_ms()?.iter().sum::<u64>().saturating_sub(before);
    let a_second = took / SECONDS;
    photon.stop()?;
    if a_second > LIMIT_MS_A_SECOND {
        return Err(Fail::failed(format!(
            "the daemon uses {a_second} ms of CPU a second"
        )));
    }
    Ok(json!({"cpu_ms_a_second": a_second, "seconds": SECONDS}))
}
