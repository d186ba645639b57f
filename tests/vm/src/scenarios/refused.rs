// SPDX-License-Identifier: GPL-2.0-only
//! A kernel that has no memory for the scheduler while it attaches (a twin whose `ops.init` fails): that is no ejection,
//! so the daemon ends with the code of a refusal, was never ready, and may start again.

use crate::latch::LATCH;
use crate::oneshot;
use crate::photon::{Photon, program, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;

/// The documented exit code.
const REFUSED: i32 = 7;

pub fn run(ctx: &Ctx) -> Outcome {
    let ended = oneshot::run(&mut program(ctx))?;
    ended.expect(
        "init fails",
        REFUSED,
        "the kernel refused the scheduler: attaching: ",
    )?;
    if ended.stderr.contains("attached") {
        return Err(Fail::failed(format!("as if it ran: {}", ended.stderr)));
    }
    let state = scx_state();
    if state.as_deref() != Some("disabled") || std::fs::exists(LATCH)? {
        return Err(Fail::failed(format!("{state:?}, or held back")));
    }
    Photon::start(&ctx.healthy(), &[])?.stop()?;
    Ok(json!({"said": ended.stderr.trim()}))
}
