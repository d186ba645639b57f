// SPDX-License-Identifier: GPL-2.0-only
//! scx_photon attaches, runs, and is gone again when asked.

use crate::btf;
use crate::photon::{Photon, scx_ops, scx_state};
use crate::programs::programs;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Long enough for timers, the first statistics and the kernel's first watchdog check to happen.
const RUN: Duration = Duration::from_secs(2);
/// Instructions that the verifier may go through for one program: twice what `photon_dispatch` takes, the longest. Its
/// own limit is a million.
const VERIFIER_BUDGET: u32 = 40_000;
const SWITCH_ALL: &str = "/sys/kernel/sched_ext/switch_all";
const IN_KERNELS_WITH_GPUS: &str = "dma_fence_init";

pub fn run(ctx: &Ctx) -> Outcome {
    let begin = Instant::now();
    let photon = Photon::start(ctx, &[])?;
    let attach_ms = begin.elapsed().as_millis() as u64;
    let verified = within_budget()?;
    let [user_ms, kernel_ms] = photon.cpu_ms()?;
    let ops = scx_ops().unwrap_or_default();
    if std::fs::read_to_string(SWITCH_ALL)?.trim() != "1" {
        return Err(Fail::failed("not every ordinary task is switched"));
    }
    std::thread::sleep(RUN);
    let stopped = photon.stop()?;
    // None of its probes is left out: on 6.16 and 6.18 two once were, and only this line said so.
    if let Some(warning) = undue_warning(&stopped.log) {
        return Err(Fail::failed(warning));
    }
    match scx_state() {
        Some(state) if state == "disabled" => {}
        other => {
            return Err(Fail::failed(format!(
                "sched_ext is {other:?} after the exit"
            )));
        }
    }
    Ok(json!({
        "attach_ms": attach_ms, "attach_user_ms": user_ms, "attach_kernel_ms": kernel_ms,
        "detach_ms": stopped.took.as_millis() as u64, "ops": ops,
        "verified": verified,
    }))
}

/// A kernel without GPUs has nothing for the display probe, and every kernel has something for the others.
pub fn undue_warning(log: &str) -> Option<&str> {
    let gpus = btf::function(IN_KERNELS_WITH_GPUS).is_ok();
    log.lines()
        .filter(|line| line.contains("[WARN]"))
        .find(|line| gpus || !line.contains("display probe off"))
}

/// No program is so complicated that the next kernel's verifier may find it too much.
fn within_budget() -> Result<BTreeMap<String, u32>, Fail> {
    let verified: BTreeMap<_, _> = programs()
        .into_iter()
        .map(|program| (program.name, program.verified))
        .collect();
    if verified.values().all(|n| *n == 0) {
        return Err(Fail::failed("the kernel tells no instruction counts"));
    }
    match verified.iter().find(|(_, n)| **n > VERIFIER_BUDGET) {
        None => Ok(verified),
        Some((name, n)) => Err(Fail::failed(format!(
            "the verifier went through {n} instructions of {name}, more than {VERIFIER_BUDGET}"
        ))),
    }
}
