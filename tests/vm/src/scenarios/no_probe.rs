// SPDX-License-Identifier: GPL-2.0-only
//! Without the input probe it schedules and says so: switched off by flag, and on a machine that looks like one
//! without a function tracer (the file by which that is told is covered for the daemon alone).

use crate::device::{Device, MOUSE};
use crate::oneshot;
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_MS;
use serde_json::json;

const SAYS: &str = "input probe off";
const REPORTS: u64 = 20;
/// Where the kernel shows that it has a function tracer.
const TRACER_DIR: &str = "/proc/sys/kernel";

pub fn run(ctx: &Ctx) -> Outcome {
    let mut flags = STATS.to_vec();
    flags.push("--no-input-probe");
    let photon = Photon::start(ctx, &flags)?;
    if let Ok(mouse) = Device::new(&MOUSE) {
        mouse.play(0, REPORTS, NS_PER_MS)?;
    }
    let sample = Sample::settled(&photon)?;
    if sample.counter("wake_input")? != 0 {
        return Err(Fail::failed("wakeups by input without the probe"));
    }
    // Nobody reads the mouse, so nobody would be woken either; its reports are counted by the probe, if there is one.
    if sample.reports(MOUSE.class).is_ok_and(|seen| seen > 0) {
        return Err(Fail::failed("reports of a mouse without the probe"));
    }
    said(&photon, "--no-input-probe")?;
    photon.stop()?;
    let photon = Photon::start_prepared(ctx, &STATS, |command| oneshot::hide(command, TRACER_DIR))?;
    Sample::settled(&photon)?;
    said(&photon, "no function tracer")?;
    photon.stop()?;
    Ok(json!({}))
}

fn said(photon: &Photon, case: &str) -> Result<(), Fail> {
    let log = photon.log();
    match log.contains(SAYS) {
        true => Ok(()),
        false => Err(Fail::failed(format!("{case}: no `{SAYS}` in: {log}"))),
    }
}
