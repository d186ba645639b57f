// SPDX-License-Identifier: GPL-2.0-only
//! Real-time tasks take all CPUs at once, hogs wait behind each, and a mouse reports meanwhile: its reader finds no CPU
//! to take. It must come before the hogs when the real-time tasks are done, not after a slice of one of them; also if it
//! is bound to one CPU, where it waits in a queue of its own.

use crate::device::{Device, MOUSE};
use crate::load::{Load, Worker, pin};
use crate::photon::Photon;
use crate::release::{TAKES_BACK, is_before};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, mono_ns};
use photon_bench::sys::sched::{Policy, cpus};
use serde_json::json;
use std::io;

const REPORTS: u64 = 1000;
/// The kernel gives no reader a move by nothing, which is every other one of the device's.
const SEEN: u64 = REPORTS / 2;
/// Until its first look the reader is a thread like any other.
const UNREADY: u64 = 20;
const HOGS_A_CPU: usize = 2;
const BOUND_TO: usize = 1;
/// For a twin that would else have failed already.
const ONLY_BOUND: &str = "--bound";
/// All real-time tasks begin at multiples of the period: together.
const TAKEN_NS: u64 = 2 * NS_PER_MS;
/// No multiple of a tick (1 to 10 ms) nor of a report: they drift past each other. With 10 ms they did not, and who was
/// to wait for a tick saw one at once, in every period.
const PERIOD_NS: u64 = 11_100_000;
/// When the CPUs are back, beyond the rest of the real-time tasks; a slice is 3 ms.
const AFTERWARDS_NS: u64 = 1_400_000;

pub fn run(ctx: &Ctx) -> Outcome {
    if ctx.option("--sabotage").is_some() && is_before(TAKES_BACK)? {
        let why = "before 7.1 whom a real-time task drives off is queued anew: nobody keeps a CPU";
        return Err(Fail::skip(why));
    }
    let mouse = Device::new(&MOUSE)?;
    let photon = Photon::start(ctx, &STATS)?;
    let before = Sample::settled(&photon)?;
    let longest = match ctx.flag(ONLY_BOUND) {
        true => 0,
        false => longest_wait(&mouse, None)?,
    };
    let bound = longest_wait(&mouse, Some(BOUND_TO))?;
    let after = Sample::settled(&photon)?;
    photon.stop()?;
    let gave_way = after.counter("give_way")? - before.counter("give_way")?;
    let metrics =
        json!({"longest_us": longest / 1000, "bound_us": bound / 1000, "gave_way": gave_way});
    match longest.max(bound) > TAKEN_NS + AFTERWARDS_NS {
        true => Err(Fail::failed(format!("the reader waited: {metrics}"))),
        false => Ok(metrics),
    }
}

/// The longest time from a report to its reader, which may be bound to a CPU, ns, of `REPORTS` a millisecond apart.
pub fn longest_wait(mouse: &Device, bound: Option<usize>) -> Result<u64, Fail> {
    let reader = mouse.reader()?;
    let mut workers = vec![Worker::hog("hog"); HOGS_A_CPU * cpus()];
    let taken = Worker::hog("rt").policy(Policy::Fifo(1));
    workers.extend((0..cpus()).map(|cpu| taken.on(cpu).every(PERIOD_NS, TAKEN_NS)));
    let load = Load::start(&workers)?;
    let longest = std::thread::scope(|scope| {
        let read = scope.spawn(move || -> io::Result<u64> {
            if let Some(cpu) = bound {
                pin(cpu)?;
            }
            let (mut seen, mut longest) = (0, 0);
            while seen < SEEN {
                reader.read(|at| {
                    seen += 1;
                    if seen > UNREADY {
                        longest = longest.max(mono_ns().saturating_sub(at));
                    }
                })?;
            }
            Ok(longest)
        });
        mouse.play(0, REPORTS, NS_PER_MS)?;
        let longest = read.join();
        Ok::<_, Fail>(longest.map_err(|_| Fail::failed("the reader panicked"))??)
    })?;
    load.finish()?;
    Ok(longest)
}
