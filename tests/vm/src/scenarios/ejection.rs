// SPDX-License-Identifier: GPL-2.0-only
//! SysRq-S puts the default scheduler back: the daemon says why, ends with the documented code, and stays off.

use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::time::Duration;

const EJECTED: i32 = 8;
const LIMIT: Duration = Duration::from_secs(5);
/// Long enough for a second attempt to show.
const STAYS_OFF: Duration = Duration::from_secs(3);
const SYSRQ: &str = "/proc/sysrq-trigger";
const SYSRQ_ENABLE: &str = "/proc/sys/kernel/sysrq";

pub fn run(ctx: &Ctx) -> Outcome {
    std::fs::write(SYSRQ_ENABLE, "1")?;
    let photon = Photon::start(ctx, &[])?;
    std::fs::write(SYSRQ, "S")?;
    let stopped = photon.wait(LIMIT)?;
    std::thread::sleep(STAYS_OFF);
    let state = scx_state();
    if state.as_deref() != Some("disabled") {
        return Err(Fail::failed(format!("sched_ext is {state:?} again")));
    }
    if stopped.code != Some(EJECTED) {
        return Err(Fail::failed(format!(
            "exit code {:?}, not {EJECTED}: {}",
            stopped.code, stopped.log
        )));
    }
    let last = stopped.log.lines().last().unwrap_or_default();
    if !last.starts_with("scx_photon: ") {
        return Err(Fail::failed(format!("no reason on stderr: {last}")));
    }
    Ok(json!({"ended_after_ms": stopped.took.as_millis() as u64, "said": last}))
}
