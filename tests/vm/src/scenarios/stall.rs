// SPDX-License-Identifier: GPL-2.0-only
//! A stall, made by a twin whose batch tasks go to a queue that nobody drains: the kernel ejects it within its 5 s, and
//! what is said, written down and remembered names the task. Its name is no UTF-8, as any user's thread may be called.

use crate::latch;
use crate::load::{Load, Worker};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::sched::{Policy, cpus, set_policy};
use serde_json::json;
use std::time::{Duration, Instant};

/// The watchdog's 5 s, and that it looks every 2.5 s.
const LIMIT: Duration = Duration::from_secs(15);
/// Enough to be preempted, and so to be queued as a batch task.
const BURN_NS: u64 = 50_000_000;
/// Of a report that lacks something.
const REPORT_LINES: usize = 80;
/// What is beside the dump in the report; together less than half of a report with the kernel's whole dump, 5.9 KB.
const BESIDE_DUMP_BYTES: u64 = 1024;
/// Past the kernel's own account of a name: a line break, an escape sequence, no UTF-8.
const NAME: &[u8] = b"st\n\x1b\xffalled\0";
/// What is left of it in a line.
const SHOWN: &str = "alled[";

/// Only whether the kernel's dump is as short as it was asked for.
const DUMP_FLAG: &str = "--dump-bytes";

fn short(report: &str, dump_bytes: u64) -> Outcome {
    let metrics = json!({"report_bytes": report.len(), "dump_bytes": dump_bytes});
    let there = report.len() as u64 > dump_bytes / 2;
    match there && report.len() as u64 <= dump_bytes + BESIDE_DUMP_BYTES {
        true => Ok(metrics),
        false => Err(Fail::failed(format!("another length: {metrics}"))),
    }
}

pub fn run(ctx: &Ctx) -> Outcome {
    let dump_bytes = ctx.number(DUMP_FLAG, 0)?;
    let length = dump_bytes.to_string();
    let flags = ["--exit-dump-len", length.as_str()];
    let photon = Photon::start(ctx, if dump_bytes > 0 { &flags } else { &[] })?;
    // SAFETY: a NUL-terminated name that outlives the call. The load's threads have names of their own; this thread
    // becomes the one that stalls.
    unsafe { libc::prctl(libc::PR_SET_NAME, NAME.as_ptr()) };
    let load = Load::start(&vec![Worker::hog("hog"); cpus()])?;
    let victim = std::thread::spawn(|| {
        set_policy(Policy::Batch { nice: 0 }).map(|()| crate::load::burn(BURN_NS))
    });
    let begin = Instant::now();
    let stopped = photon.wait(LIMIT)?;
    let took = begin.elapsed();
    victim
        .join()
        .map_err(|_| Fail::failed("the victim panicked"))??;
    load.finish()?;
    let said = latch::ejected(&stopped)?;
    let report = latch::last_exit()?;
    if dump_bytes > 0 {
        latch::clear(ctx)?;
        return short(&report, dump_bytes);
    }
    if !said.contains(SHOWN) || !said.contains("failed to run") {
        return Err(Fail::failed(format!("the task is not named: {said:?}")));
    }
    if !report.contains("\nheld by: CPU ") {
        report.lines().take(REPORT_LINES).for_each(|l| ctx.log(l));
        return Err(Fail::failed(format!("no holder: {said:?}")));
    }
    latch::holds_until_cleared(ctx)?;
    Ok(
        json!({"ejected_after_ms": took.as_millis() as u64, "said": said, "report_bytes": report.len()}),
    )
}
