// SPDX-License-Identifier: GPL-2.0-only
//! Every way it can refuse to start in this machine: one clear line, the documented exit code, nothing attached. What
//! needs no sched_ext is tested by tests/cli.rs, and values that no tunable can have by tests/bad_values.rs.

use crate::oneshot::{self, Ended, NOBODY};
use crate::photon::{Photon, scx_ops, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::os::unix::process::CommandExt;
use std::process::Command;

const BTF_DIR: &str = "/sys/kernel/btf";

// The documented exit codes.
/// Of `check`.
const RUNS_NOT: i32 = 1;
const NOT_ROOT: i32 = 3;
const NO_BTF: i32 = 5;
const BUSY: i32 = 6;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = || Command::new(&ctx.scx_photon);
    oneshot::run(photon().uid(NOBODY).gid(NOBODY))?.expect("not root", NOT_ROOT, "root")?;
    let mut blind = photon();
    oneshot::hide(&mut blind, BTF_DIR)?;
    oneshot::run(&mut blind)?.expect("no BTF", NO_BTF, "BTF")?;
    check_without_btf(blind.arg("check"))?;
    busy(ctx)
}

/// What somebody looks with at such a kernel.
fn check_without_btf(blind: &mut Command) -> Result<(), Fail> {
    let ended = oneshot::run(blind)?;
    let why = "It cannot run here: this kernel has no BTF";
    match (ended.code, ended.stdout.contains(why)) {
        (Some(RUNS_NOT), true) => Ok(()),
        (code, _) => Err(Fail::failed(format!(
            "check without BTF: {code:?}: {} {}",
            ended.stdout, ended.stderr
        ))),
    }
}

/// A second one leaves the first alone.
fn busy(ctx: &Ctx) -> Outcome {
    let first = Photon::start(ctx, &[])?;
    let ops = scx_ops();
    let second: Ended = oneshot::run(&mut Command::new(&ctx.scx_photon))?;
    if scx_state().as_deref() != Some("enabled") || scx_ops() != ops {
        return Err(Fail::failed("the second scheduler disturbed the first"));
    }
    first.stop()?;
    second.expect("another scheduler", BUSY, "photon")?;
    Ok(json!({"second_exit_code": second.code}))
}
