// SPDX-License-Identifier: GPL-2.0-only
//! What the input probe costs: instructions an event, where an instruction is a nanosecond. Calls of input_event()
//! that are no end of a report leave the probe at once; they are the baseline, and clock readings fall out with it.
//! Arguments: `--events N` (default 2,000), `--devices N` that report in turn (default 1).

use crate::bpf::{Attr, OBJ_GET_INFO_BY_FD, PROG_GET_NEXT_ID, bpf, ids};
use crate::device::{Device, MOUSE};
use crate::load::pin;
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};

const EVENTS: u64 = 2000;
/// enum bpf_cmd of linux/bpf.h: stable.
const PROG_GET_FD_BY_ID: libc::c_int = 13;
/// Where `struct bpf_prog_info` has the name, and where the name ends.
const NAME: std::ops::Range<usize> = 64..80;
const COUNTING: &str = "/proc/sys/kernel/bpf_stats_enabled";
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
    std::fs::write(COUNTING, "1")?;
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
    std::fs::write(COUNTING, "0")?;
    photon.stop()?;
    let (entry, exit) = (each[1][0] - each[0][0], each[1][1] - each[0][1]);
    Ok(
        json!({"instructions": {"before_the_wake": entry, "after": exit, "event": entry + exit}, "baseline": each[0]}),
    )
}

/// What the kernel counts of a program.
struct Runs {
    runs: u64,
    ns: u64,
}

fn named(name: &str) -> Result<Runs, Fail> {
    let found = ids(PROG_GET_NEXT_ID)
        .into_iter()
        .find_map(|id| runs(id, name));
    found.ok_or_else(|| Fail::failed(format!("no program is called {name}")))
}

fn runs(id: u32, name: &str) -> Option<Runs> {
    let mut attr = Attr {
        words: [id, 0],
        pointer: 0,
    };
    let fd = bpf(PROG_GET_FD_BY_ID, &mut attr).ok()?;
    // SAFETY: a fresh descriptor that nobody else owns.
    let file = unsafe { File::from_raw_fd(fd) };
    let mut info = [0u8; NAME.end];
    let mut attr = Attr {
        words: [file.as_raw_fd() as u32, NAME.end as u32],
        pointer: info.as_mut_ptr() as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut attr).ok()?;
    let text = String::from_utf8_lossy(&info[NAME]).into_owned();
    if text.trim_end_matches('\0') != name {
        return None;
    }
    let counts = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let number = |field: &str| -> Option<u64> {
        let line = counts.lines().find_map(|l| l.strip_prefix(field))?;
        line.trim().parse().ok()
    };
    Some(Runs {
        runs: number("run_cnt:")?,
        ns: number("run_time_ns:")?,
    })
}

fn per_run(before: &Runs, after: &Runs) -> Result<f64, Fail> {
    let runs = after.runs - before.runs;
    if runs == 0 {
        return Err(Fail::failed("the probe did not run"));
    }
    Ok((after.ns - before.ns) as f64 / runs as f64)
}
