// SPDX-License-Identifier: GPL-2.0-only
//! Mouse, keyboard, pad, touch screen and tablet are told apart by what they declare; and what they send does not
//! leave the kernel: the raw memory of the lanes holds records of 16 bytes with no value, no code, no address.
//! With `--replug` each device is gone before the next one comes, so that the next may lie where the last one lay.

use crate::bpf::{self, RECORD_BYTES};
use crate::device::{Device, KEY_Q, KINDS};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_MS;
use serde_json::json;

/// Different for each class, so that none is taken for another.
const REPORTS: [u64; KINDS.len()] = [50, 60, 70, 80, 90];
const PERIOD_NS: u64 = 2 * NS_PER_MS;
/// A value nothing else in the lanes can be.
const SECRET: i32 = 0x0005_ec2e;
/// Kernel addresses have their upper 16 bits set.
const KERNEL_HALF: u64 = 0xffff << 48;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &STATS)?;
    let replug = ctx.flag("--replug");
    let mut plugged = Vec::new();
    for (kind, count) in KINDS.iter().zip(REPORTS) {
        let device = Device::new(kind)?;
        device.report(SECRET)?;
        device.play(0, count - 1, PERIOD_NS)?;
        if !replug {
            plugged.push(device);
        }
    }
    let sample = Sample::settled(&photon)?;
    for (kind, count) in KINDS.iter().zip(REPORTS) {
        let counted = sample.reports(kind.class)?;
        if counted != count {
            return Err(Fail::failed(format!(
                "{}: {count} reports, {counted} counted",
                kind.class
            )));
        }
    }
    if sample.reports("other")? != 0 {
        return Err(Fail::failed("reports of class other"));
    }
    let records = bpf::lane_records()?;
    let total: u64 = REPORTS.iter().sum();
    if records.len() as u64 != total {
        return Err(Fail::failed(format!(
            "{total} reports, {} records",
            records.len()
        )));
    }
    records.iter().try_for_each(|record| innocent(record))?;
    drop(plugged);
    photon.stop()?;
    Ok(json!({"classes": KINDS.len(), "records": records.len()}))
}

/// Time, device number, CPU, class, and a zero: a number of a few devices and a CPU of a few, so that nothing could
/// be hidden in them.
fn innocent(record: &[u8]) -> Result<(), Fail> {
    let guilty = |why: &str| Err(Fail::failed(format!("a record {why}: {record:02x?}")));
    let (Ok(time), 16) = (<[u8; 8]>::try_from(&record[..8]), record.len()) else {
        return guilty("of another size");
    };
    const _: () = assert!(RECORD_BYTES == 16);
    if record
        .windows(4)
        .any(|window| window == SECRET.to_ne_bytes())
    {
        return guilty("holds a value that was sent");
    }
    if u64::from_ne_bytes(time) & KERNEL_HALF == KERNEL_HALF {
        return guilty("holds an address");
    }
    let device = u32::from_ne_bytes([record[8], record[9], record[10], record[11]]);
    if device as usize > KINDS.len() || device == u32::from(KEY_Q) {
        return guilty("has a device number that is no small number");
    }
    if record[13] != 0 || record[14] as usize >= KINDS.len() || record[15] != 0 {
        return guilty("has a field out of range");
    }
    Ok(())
}
