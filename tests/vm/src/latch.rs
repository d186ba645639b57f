// SPDX-License-Identifier: GPL-2.0-only
//! What an ejection must leave behind: the documented code, one line, the file for a report, and a latch that only
//! `--clear-latch` opens.

use crate::oneshot::{self, NOBODY};
use crate::photon::{Photon, Stopped};
use crate::scenario::{Ctx, Fail};
use std::os::unix::process::CommandExt;
use std::process::Command;

pub const RUN_DIR: &str = "/run/scx_photon";
pub const LATCH: &str = "/run/scx_photon/latch";
pub const LAST_EXIT: &str = "/run/scx_photon/last-exit";
const EJECTED: i32 = 8;
const LATCHED: i32 = 10;
/// `scx_photon status` where the kernel's own scheduler is at work.
pub const KERNEL_SCHEDULES: i32 = 10;

/// The last line on stderr of a daemon that the kernel ended.
pub fn ejected(stopped: &Stopped) -> Result<String, Fail> {
    if stopped.code != Some(EJECTED) {
        return Err(Fail::failed(format!(
            "exit code {:?}, not {EJECTED}: {}",
            stopped.code, stopped.log
        )));
    }
    let last = stopped.log.lines().last().unwrap_or_default();
    if !last.starts_with("scx_photon: ejected by the kernel: ") {
        return Err(Fail::failed(format!("no reason on stderr: {last}")));
    }
    Ok(last.to_string())
}

/// What the file for a report says.
pub fn last_exit() -> Result<String, Fail> {
    std::fs::read_to_string(LAST_EXIT).map_err(|e| Fail::failed(format!("{LAST_EXIT}: {e}")))
}

pub fn clear(ctx: &Ctx) -> Result<(), Fail> {
    let cleared = oneshot::run(Command::new(&ctx.scx_photon).arg("--clear-latch"))?;
    match cleared.code {
        Some(0) => Ok(()),
        _ => Err(Fail::failed(format!("--clear-latch: {}", cleared.stderr))),
    }
}

/// `status` names the way back, which is no secret of root's.
fn says_so(ctx: &Ctx, held: bool) -> Result<(), Fail> {
    let mut status = Command::new(&ctx.scx_photon);
    let said = oneshot::run(status.arg("status").uid(NOBODY).gid(NOBODY))?;
    if said.code != Some(KERNEL_SCHEDULES) || said.stdout.contains("--clear-latch") != held {
        return Err(Fail::failed(format!("held {held}, status: {said:?}")));
    }
    Ok(())
}

/// A start is refused, twice; cleared, it is not.
pub fn holds_until_cleared(ctx: &Ctx) -> Result<(), Fail> {
    let photon = || Command::new(&ctx.scx_photon);
    for attempt in ["a start after an ejection", "another one"] {
        let ended = oneshot::run(&mut photon())?;
        ended.expect(attempt, LATCHED, "--clear-latch")?;
    }
    says_so(ctx, true)?;
    clear(ctx)?;
    says_so(ctx, false)?;
    let again = Photon::start(&ctx.healthy(), &[]).and_then(Photon::stop);
    again.map_err(|f| f.in_context("cleared"))?;
    Ok(())
}
