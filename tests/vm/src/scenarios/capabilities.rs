// SPDX-License-Identifier: GPL-2.0-only
//! What `scx_photon check` says of this kernel, for the table of kernels: also where it cannot run, and why. That it
//! runs is the scenario `attach`'s to show.

use crate::oneshot;
use crate::photon::scx_state;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::Value;
use std::process::Command;

pub fn run(ctx: &Ctx) -> Outcome {
    let ended = oneshot::run(Command::new(&ctx.scx_photon).args(["check", "--json"]))?;
    let report: Value = serde_json::from_str(&ended.stdout)
        .map_err(|e| Fail::failed(format!("{e}: {}", ended.stderr)))?;
    match report["runs"].as_bool() {
        None => Err(Fail::failed(format!("no verdict: {report}"))),
        Some(false) if scx_state().is_none() => Err(Fail::skip("this kernel has no sched_ext")),
        Some(_) => Ok(report),
    }
}
