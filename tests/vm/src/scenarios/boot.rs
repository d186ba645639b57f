// SPDX-License-Identifier: GPL-2.0-only
//! The machine itself: it booted, it has sched_ext, it has the CPUs it was given. Everything else rests on this.

use crate::photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;

pub fn run(ctx: &Ctx) -> Outcome {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cpus = std::thread::available_parallelism()?.get() as u64;
    let wanted = ctx.number("--cpus", cpus)?;
    if cpus != wanted {
        return Err(Fail::failed(format!(
            "{cpus} CPUs are online, {wanted} were asked for"
        )));
    }
    let state = photon::scx_state().ok_or_else(|| Fail::failed("this kernel has no sched_ext"))?;
    if state != "disabled" {
        return Err(Fail::failed(format!(
            "sched_ext is {state} before anything was attached"
        )));
    }
    let uinput = std::path::Path::new("/dev/uinput").exists();
    Ok(json!({"kernel": kernel.trim(), "cpus": cpus, "scx_state": state, "uinput": uinput}))
}
