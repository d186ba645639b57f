// SPDX-License-Identifier: GPL-2.0-only
//! The ground the frame bench stands on: with nothing else to run, a frame takes the sum of its critical path. What is
//! above that would be the emulator's doing, and every later figure would carry it.
//! Arguments: those of [`crate::subject`], `--seed N`, `--ms N`, `--percent N`.

use crate::bench;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::subject::under;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

/// The frame of `60v` and next to nothing else.
const PROFILE: &str = "chain";
const MEASURED_MS: u64 = 2_000;
const SETTLE_S: &str = "0.5";
/// How far above its critical path the mean frame may be.
const PERCENT: u64 = 3;

pub fn run(ctx: &Ctx) -> Outcome {
    let (_, frames) = under(ctx, || frames(ctx))?;
    let columns = ["vsync_us", "submit_us", "ideal_us"].map(|name| numbers(&frames[name]));
    let [Some(vsync), Some(submit), Some(ideal)] = columns else {
        return Err(Fail::failed("a frame is missing on an idle machine"));
    };
    if vsync.is_empty() {
        return Err(Fail::failed("no frames"));
    }
    let took: i64 = submit.iter().sum::<i64>() - vsync.iter().sum::<i64>();
    let path: i64 = ideal.iter().sum();
    let above = (took - path) as f64 * 100.0 / path as f64;
    let allowed = ctx.number("--percent", PERCENT)?;
    if above.abs() > allowed as f64 {
        return Err(Fail::failed(format!(
            "the frames of an idle machine are {above:+.2} % off their critical path, {allowed} % are allowed"
        )));
    }
    let mean_ms = |sum: i64| sum as f64 / 1000.0 / vsync.len() as f64;
    Ok(
        json!({"frames": vsync.len(), "frame_ms": mean_ms(took), "critical_path_ms": mean_ms(path),
              "above_percent": above}),
    )
}

fn numbers(column: &Value) -> Option<Vec<i64>> {
    column.as_array()?.iter().map(Value::as_i64).collect()
}

fn frames(ctx: &Ctx) -> Result<Value, Fail> {
    let seconds = Duration::from_millis(ctx.number("--ms", MEASURED_MS)?).as_secs_f64();
    let output = bench::output(
        Command::new(&ctx.photon_bench)
            .args(["run", "--profile", PROFILE, "--json", "-"])
            .args(["--settle", SETTLE_S, "--seconds", &seconds.to_string()])
            .args(["--seed", &ctx.number("--seed", 1)?.to_string()]),
    )?;
    let mut report: Value = serde_json::from_slice(&output)?;
    Ok(report["frames"].take())
}
