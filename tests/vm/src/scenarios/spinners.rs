// SPDX-License-Identifier: GPL-2.0-only
//! A crowd of threads that spin, bound to one CPU as any user may: with a tick for each, their round takes longer than
//! the kernel's watchdog waits. Each gets its turn in time nevertheless, the scheduler stays, and so do a game's frames.
//! `--threads N` instead of 2,000; with `--yield` they yield after each burst.

use crate::bench;
use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play_for;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use serde_json::json;
use std::time::Duration;

/// 8 s of ticks at HZ=250.
const THREADS: u64 = 2000;
const CPU: usize = 1;
/// They look at the clock and at the flag that ends them this often.
const BURST_NS: u64 = 100 * NS_PER_US;
/// Most are known as hogs by then.
const BEFORE: Duration = Duration::from_secs(2);
const SECONDS: &str = "3";
const REPORT: &str = "/tmp/spinners.json";
/// The kernel's watchdog waits for 5 s. 2.7 to 3.1 s were seen, of 8,000 as well: hogs are due after 2 s, and before them
/// comes who is not known as one yet.
const WAIT_LIMIT_NS: u64 = 3_700 * NS_PER_MS;
/// Of 180.
const MOST_LATE: f64 = 9.0;

pub fn run(ctx: &Ctx) -> Outcome {
    let threads = ctx.number("--threads", THREADS)? as usize;
    let photon = Photon::start(ctx, &STATS)?;
    let spinner = Worker {
        burst_ns: BURST_NS,
        yields: ctx.flag("--yield"),
        ..Worker::hog("spinner").on(CPU)
    };
    let load = Load::start(&vec![spinner; threads])?;
    std::thread::sleep(BEFORE);
    let report = play_for(ctx, "60v", "none", SECONDS, REPORT)?;
    stays(&photon)?;
    let ended = Sample::settled(&photon)?.counter("turn_ended")?;
    let done = load.finish()?;
    stays(&photon)?;
    let waited = done.iter().map(|d| d.max_wait_ns).max().unwrap_or(0);
    photon.stop()?;
    let late = bench::metric(&report, "frames_late")?;
    let metrics = json!({
        "threads": threads, "longest_wait_ms": waited / NS_PER_MS, "turns_ended": ended,
        "frames_late": late, "frame_p99_ms": bench::metric(&report, "frame_p99_ms")?,
        "input_wake_p999_us": bench::metric(&report, "input_wake_p999_us")?,
    });
    if waited > WAIT_LIMIT_NS || ended == 0 {
        return Err(too_long(metrics));
    }
    match late > MOST_LATE {
        true => Err(Fail::failed(format!(
            "spinners make frames late: {metrics}"
        ))),
        false => Ok(metrics),
    }
}

/// Who waits too long is seen by us or by the kernel's watchdog, which looks every 2.5 s: whoever comes first.
fn stays(photon: &Photon) -> Result<(), Fail> {
    match scx_state().as_deref() {
        Some("enabled") => Ok(()),
        state => {
            let log = photon.log();
            let last = log.lines().last().unwrap_or_default();
            Err(too_long(format!("{state:?}; {last}")))
        }
    }
}

fn too_long(seen: impl std::fmt::Display) -> Fail {
    Fail::failed(format!("a spinner waited: {seen}"))
}
