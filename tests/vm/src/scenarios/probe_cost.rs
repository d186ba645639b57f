// SPDX-License-Identifier: GPL-2.0-only
//! What the input probe costs: instructions an event, where an instruction is a nanosecond. Calls of input_event()
//! that are no end of a report leave the probe at once; they are the baseline, and clock readings fall out with it.
//! More than docs/DESIGN.md says of one device fails.
//! Arguments: `--events N` (default 2,000), `--devices N` that report in turn (default 1).

use crate::device::{Device, MOUSE};
use crate::load::pin;
use crate::photon::Photon;
use crate::programs::{Counting, Program, programs};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;

const EVENTS: u64 = 2000;
/// Instructions before the reader is woken and after it, of one device, and times which a later build may take.
const BEFORE: f64 = 135.0;
const AFTER: f64 = 58.0;
const TOLERANCE: f64 = 1.2;
/// As much of the names as the kernel keeps.
const ENTRY: &str = "on_input_event";
const EXIT: &str = "after_input_eve";

pub fn run(ctx: &Ctx) -> Outcome {
    let count = ctx.number("--events", EVENTS)?;
    let devices = ctx.number("--devices", 1)?;
    let mice: Vec<Device> = (0..devices)
        .map(|_| Device::new(&MOUSE))
        .collect::<Result<_, _>>()?;
    let photon = Photon::start(ctx, &[])?;
    pin(0)?;
    // Devices become known, and code is translated by the emulator.
    mice.iter().try_for_each(Device::end_only)?;
    let counting = Counting::start()?;
    let mut each = Vec::new();
    for ends in [false, true] {
        let before = [named(ENTRY)?, named(EXIT)?];
        for n in 0..count {
            let mouse = &mice[(n % devices) as usize];
            match ends {
                true => mouse.end_only()?,
                // Alternating, because the kernel drops what changes nothing.
                false => mouse.part_only(1 + (n / devices % 2) as i32)?,
            }
        }
        each.push([
            per_run(&before[0], &named(ENTRY)?)?,
            per_run(&before[1], &named(EXIT)?)?,
        ]);
    }
    drop(counting);
    photon.stop()?;
    let (entry, exit) = (each[1][0] - each[0][0], each[1][1] - each[0][1]);
    let instructions = json!({"before_the_wake": entry, "after": exit, "event": entry + exit});
    let cost = json!({"instructions": instructions, "baseline": each[0]});
    // Devices that report in turn change lines of the probe with every report.
    if devices == 1 && (entry > TOLERANCE * BEFORE || exit > TOLERANCE * AFTER) {
        return Err(Fail::failed(format!("the input probe costs more: {cost}")));
    }
    Ok(cost)
}

fn named(name: &str) -> Result<Program, Fail> {
    let found = programs().into_iter().find(|p| p.name == name);
    found.ok_or_else(|| Fail::failed(format!("no program is called {name}")))
}

fn per_run(before: &Program, after: &Program) -> Result<f64, Fail> {
    let runs = after.runs - before.runs;
    if runs == 0 {
        return Err(Fail::failed("the probe did not run"));
    }
    Ok((after.ns - before.ns) as f64 / runs as f64)
}
