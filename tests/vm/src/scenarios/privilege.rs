// SPDX-License-Identifier: GPL-2.0-only
//! The smallest set of capabilities that attaches it, by experiment: with the documented ones it attaches and its input
//! probe is on; with any one of them missing it does not, and says so in one line.

use crate::oneshot;
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

// linux/capability.h
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;
const CAP_LAST: u32 = 63;
/// The documented exit code.
const MISSING_CAPABILITY: i32 = 7;
const NEEDED: [(&str, u32); 2] = [("CAP_BPF", CAP_BPF), ("CAP_PERFMON", CAP_PERFMON)];

pub fn run(ctx: &Ctx) -> Outcome {
    let all: Vec<u32> = NEEDED.iter().map(|(_, cap)| *cap).collect();
    let photon = Photon::start_prepared(ctx, &[], |command| {
        keep_only(command, all.clone());
        Ok(())
    })?;
    let started = photon.log();
    let held = photon.capabilities()?;
    let with = format!("with {NEEDED:?}");
    photon.stop().map_err(|f| f.in_context(&with))?;
    if !started.contains("input probe on") {
        return Err(Fail::failed(format!("{with}: {started}")));
    }
    let mut codes = Vec::new();
    for (name, missing) in NEEDED {
        let mut command = Command::new(&ctx.scx_photon);
        keep_only(
            &mut command,
            all.iter().copied().filter(|c| *c != missing).collect(),
        );
        let ended = oneshot::run(&mut command)?;
        let lines = ended.stderr.lines().count();
        if ended.code != Some(MISSING_CAPABILITY) || lines != 1 {
            return Err(Fail::failed(format!(
                "without {name}: exit code {:?}, not {MISSING_CAPABILITY}, {lines} lines: {}",
                ended.code, ended.stderr
            )));
        }
        codes.push((name, ended.code));
    }
    // Started with everything, as by sudo: what it does not need it has given away.
    let photon = Photon::start(ctx, &[])?;
    let by_root = photon.capabilities()?;
    photon.stop()?;
    if by_root != held {
        return Err(Fail::failed(format!("holds {by_root:#x}, not {held:#x}")));
    }
    Ok(json!({"needs": ["CAP_BPF", "CAP_PERFMON"], "held": format!("{held:#x}"), "without": codes}))
}

/// A program of root's gets what its bounding set has.
fn keep_only(command: &mut Command, keep: Vec<u32>) {
    let drop = move || -> io::Result<()> {
        for cap in (0..=CAP_LAST).filter(|c| !keep.contains(c)) {
            // SAFETY: no pointers. Fails for numbers this kernel has no capability for.
            unsafe { libc::prctl(libc::PR_CAPBSET_DROP, cap, 0, 0, 0) };
        }
        Ok(())
    };
    // SAFETY: between fork and exec the closure makes system calls only; its vector was made before.
    unsafe { command.pre_exec(drop) };
}
