// SPDX-License-Identifier: GPL-2.0-only
//! SysRq-S puts the default scheduler back: the daemon says why, ends with the documented code, and stays off.

use crate::latch;
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::time::Duration;

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
    let said = latch::ejected(&stopped)?;
    latch::last_exit()?;
    latch::holds_until_cleared(ctx)?;
    Ok(json!({"ended_after_ms": stopped.took.as_millis() as u64, "said": said}))
}
