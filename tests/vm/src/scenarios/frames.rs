// SPDX-License-Identifier: GPL-2.0-only
//! A 60 Hz game under a real-time compositor, beside hogs, a compile and background work of nice 19, on every kernel:
//! frames nearly as on the idle machine, the input reader soon, no gap in the sound. `--preempt MODE` is the kernel's
//! model of preemption: `full` or `lazy`, by default the one it has chosen.
//! On kernels before 7.1 three of four frames were late here, because a preemption was forgotten on its way to another
//! CPU, and the figures of the newest kernel did not tell.

use crate::bench;
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// None was seen; 75 where it was broken.
const MOST_LATE_PERCENT: f64 = 5.0;
/// 0.3 ms was seen; 50 where it was broken.
pub const INPUT_LIMIT_US: f64 = 1_000.0;
/// Times that of the same game alone. 1.04 was seen.
const FRAME_P99_RATIO: f64 = 1.12;
const ALONE: &str = "none";
/// What the table of kernels shows; first, the others stand within it.
const PLAIN: &str = "hogs";
const BACKGROUNDS: [&str; 3] = [PLAIN, "compile", "shader"];
const REPORT: &str = "/tmp/frames.json";
/// `(full) lazy`: what there is, and in brackets what counts.
const PREEMPTION: &str = "/sys/kernel/debug/sched/preempt";
const SECONDS: &str = "1.5";

/// With `--eevdf` also what the kernel's own scheduler makes of it.
pub fn run(ctx: &Ctx) -> Outcome {
    if let Some(mode) = ctx.option("--preempt") {
        std::fs::write(PREEMPTION, mode)
            .map_err(|e| Fail::skip(format!("no preemption {mode}: {e}")))?;
    }
    let modes = std::fs::read_to_string(PREEMPTION).unwrap_or_default();
    let kernels = match ctx.flag("--eevdf") {
        true => summary(&play(ctx, "60v", PLAIN, REPORT)?)?.2,
        false => Value::Null,
    };
    let photon = Photon::start(ctx, &[])?;
    let alone = play(ctx, "60v", ALONE, REPORT)?;
    let p99_limit_ms = FRAME_P99_RATIO * bench::metric(&alone, "frame_p99_ms")?;
    let mut metrics = Value::Null;
    for background in BACKGROUNDS {
        let report = play(ctx, "60v", background, REPORT)?;
        let (late, input, shown) = summary(&report)?;
        let disturbed = late > MOST_LATE_PERCENT || input > INPUT_LIMIT_US;
        let slower = bench::metric(&report, "frame_p99_ms")? > p99_limit_ms;
        if disturbed || slower || shown["audio_gaps"] != json!(0.0) {
            return Err(Fail::failed(format!(
                "{background} disturb the game, whose frames may take {p99_limit_ms:.1} ms: {shown}"
            )));
        }
        match background == PLAIN {
            true => metrics = shown,
            false => metrics[background] = shown,
        }
    }
    photon.stop()?;
    metrics["eevdf"] = kernels;
    metrics["preemption"] = json!(modes.trim());
    Ok(metrics)
}

/// Late frames in per cent, the input reader's delay, and what is shown of them.
fn summary(report: &Value) -> Result<(f64, f64, Value), Fail> {
    let metric = |key| bench::metric(report, key);
    let late = 100.0 * metric("frames_late")? / metric("frames_due")?.max(1.0);
    let input = metric("input_wake_p999_us")?;
    let shown = json!({
        "late_percent": late, "input_wake_p999_us": input,
        "audio_gaps": metric("audio_xruns")?, "frame_p50_ms": metric("frame_p50_ms")?, "frame_p99_ms": metric("frame_p99_ms")?,
    });
    Ok((late, input, shown))
}

/// The game in a box for a second and a half; its report.
pub fn play(ctx: &Ctx, profile: &str, background: &str, into: &str) -> Result<Value, Fail> {
    play_for(ctx, profile, background, SECONDS, into)
}

/// The same, measured for `seconds`.
pub fn play_for(
    ctx: &Ctx,
    profile: &str,
    background: &str,
    seconds: &str,
    into: &str,
) -> Result<Value, Fail> {
    bench::run(
        Command::new(&ctx.photon_bench)
            .args(["run", "--profile", profile, "--background", background])
            .args(["--settle", "0.5", "--seconds", seconds, "--json", into])
            .stdout(Stdio::null()),
    )?;
    Ok(serde_json::from_str(&std::fs::read_to_string(into)?)?)
}
