// SPDX-License-Identifier: GPL-2.0-only
//! Reports injected through uinput are counted exactly, in the class of their device, in the ring of their CPU.
//! Arguments: `--reports N`, `--hz N` (default 10,000 at 1 kHz).

use crate::device::{Device, KINDS, MOUSE};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_SEC;
use photon_bench::sys::sched::cpus;
use serde_json::json;

const REPORTS: u64 = 10_000;
const HZ: u64 = 1000;
/// Up to this rate nothing may be lost; above, what is lost is counted.
const LOSSLESS_HZ: u64 = 1000;
/// Of the written ones, at any rate: one in so many is read, or the ring is of no use. All were, at 8 kHz, in every run.
const LEAST_READ_PART: u64 = 2;

pub fn run(ctx: &Ctx) -> Outcome {
    let count = ctx.number("--reports", REPORTS)?;
    let hz = ctx.number("--hz", HZ)?;
    let mouse = Device::new(&MOUSE)?;
    let photon = Photon::start(ctx, &STATS)?;
    let before = Sample::settled(&photon)?;
    let cpu = cpus() - 1;
    mouse.play(cpu, count, NS_PER_SEC / hz)?;
    let after = Sample::settled(&photon)?;
    photon.stop()?;
    let counted = after.reports(MOUSE.class)? - before.reports(MOUSE.class)?;
    let written = after.ring_events()?.iter().sum::<u64>();
    let dropped: u64 = after.rings("drops")?.iter().sum();
    let read: u64 = after.rings("read")?.iter().sum();
    if counted != count {
        return Err(Fail::failed(format!("{count} reports, {counted} counted")));
    }
    if written != count || (dropped > 0 && hz <= LOSSLESS_HZ) {
        return Err(Fail::failed(format!(
            "{count} reports, {written} in the rings, {dropped} dropped"
        )));
    }
    if read + dropped != written {
        return Err(Fail::failed(format!(
            "{written} written, {dropped} dropped, {read} read"
        )));
    }
    if read < written / LEAST_READ_PART {
        return Err(Fail::failed(format!(
            "{read} of {written} read: the reader does not keep up at all"
        )));
    }
    others_are_quiet(&after)?;
    Ok(json!({"reports": counted, "hz": hz, "drops": dropped}))
}

fn others_are_quiet(sample: &Sample) -> Result<(), Fail> {
    for kind in KINDS.iter().skip(1) {
        let reports = sample.reports(kind.class)?;
        if reports > 0 {
            return Err(Fail::failed(format!(
                "{reports} reports of class {}",
                kind.class
            )));
        }
    }
    Ok(())
}
