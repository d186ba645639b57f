// SPDX-License-Identifier: GPL-2.0-only
//! The kernel part's hot structures lie at the start of a cache line, by the real addresses; and `check` tells without
//! attaching anything.

use crate::oneshot;
use crate::photon::{Photon, scx_state};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::{Value, json};
use std::process::Command;

const FIELDS: [&str; 2] = ["task_ctx_mod64", "cpu_ctx_mod64"];

pub fn run(ctx: &Ctx) -> Outcome {
    let ended = oneshot::run(Command::new(&ctx.scx_photon).args(["check", "--json"]))?;
    if ended.code != Some(0) {
        return Err(Fail::failed(format!(
            "check: exit code {:?}: {} {}",
            ended.code, ended.stdout, ended.stderr
        )));
    }
    if scx_state().as_deref() != Some("disabled") {
        return Err(Fail::failed("check attached something"));
    }
    let report: Value = serde_json::from_str(ended.stdout.trim())?;
    for field in FIELDS {
        aligned("check", field, report["layout"][field].as_u64())?;
    }
    let photon = Photon::start(ctx, &STATS)?;
    let sample = Sample::settled(&photon)?;
    for field in FIELDS {
        aligned("statistics", field, Some(sample.layout(field)?))?;
    }
    photon.stop()?;
    Ok(json!({"capabilities": report["capabilities"]}))
}

fn aligned(source: &str, field: &str, value: Option<u64>) -> Result<(), Fail> {
    match value {
        Some(0) => Ok(()),
        other => Err(Fail::failed(format!("{source}: {field} is {other:?}"))),
    }
}
