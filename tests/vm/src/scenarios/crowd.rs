// SPDX-License-Identifier: GPL-2.0-only
//! A 60 Hz game beside hogs, and a crowd that is bound to one CPU, of hogs or of short sleepers: of such a crowd somebody
//! is always overdue. Neither a frame nor a kernel thread that comes to that CPU must wait for all of it, nor the timer
//! take it for a defect.

use crate::bench;
use crate::kthreads::{Waits, Watch};
use crate::load::{Load, Worker};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play_for;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// On one CPU: their round takes longer than the deadline of each.
const CROWD: usize = 16;
/// Of short sleepers, which are due earlier than hogs, more than hogs.
const SLEEPERS: usize = 32;
const CPU: usize = 0;
/// Just less than a slice, so that none counts as a hog.
const BURST_NS: u64 = 2_900 * NS_PER_US;
const NAP_NS: u64 = NS_PER_MS;
const SECONDS: &str = "3";
const REPORT: &str = "/tmp/crowd.json";
/// Of 180.
const MOST_LATE: f64 = 9.0;
/// Until the crowd is known for what it is, some rounds: a burst counts by its average over eight. Before that a kernel
/// thread waits up to 63 ms beside the sleepers.
const KNOWN: Duration = Duration::from_secs(2);
const MOST_RESCUES: u64 = 10;
/// A bound of a bound; 95 ms were seen where sleepers were overdue for ever.
const KTHREAD_MOST_NS: u64 = 40 * NS_PER_MS;
/// Of 1,600, or their bound means nothing.
const KTHREAD_LEAST_RUNS: u64 = 100;

struct Beside {
    frames: Value,
    late: f64,
    rescues: u64,
    kthreads: Waits,
}

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &STATS)?;
    let sleeper = Worker::hog("sleeper").naps(BURST_NS, NAP_NS);
    let crowds = [
        ("hogs", Worker::hog("crowd"), CROWD),
        ("sleepers", sleeper, SLEEPERS),
    ];
    let (mut metrics, mut bad) = (Map::new(), false);
    for (name, member, count) in crowds {
        let seen = beside(ctx, &photon, &vec![member.on(CPU); count])?;
        bad |= seen.late > MOST_LATE
            || seen.rescues > MOST_RESCUES
            || seen.kthreads.max_ns > KTHREAD_MOST_NS
            || seen.kthreads.runs < KTHREAD_LEAST_RUNS;
        metrics.insert(
            name.into(),
            json!({"game": seen.frames, "rescues": seen.rescues, "kthreads": seen.kthreads}),
        );
    }
    photon.stop()?;
    let metrics = Value::Object(metrics);
    match bad {
        true => Err(Fail::failed(format!(
            "beside a crowd on one CPU: {metrics}"
        ))),
        false => Ok(metrics),
    }
}

fn beside(ctx: &Ctx, photon: &Photon, crowd: &[Worker]) -> Result<Beside, Fail> {
    let crowd = Load::start(crowd)?;
    std::thread::sleep(KNOWN);
    let before = Sample::settled(photon)?.counter("rescue_overdue")?;
    let watch = Watch::start()?;
    let report = play_for(ctx, "60v", "hogs", SECONDS, REPORT)?;
    let kthreads = watch.finish()?;
    let waited: Vec<u64> = crowd.finish()?.iter().map(|w| w.max_wait_ns).collect();
    let metric = |key| bench::metric(&report, key);
    let late = metric("frames_late")?;
    Ok(Beside {
        frames: json!({
            "frames_late": late, "frame_p99_ms": metric("frame_p99_ms")?,
            "input_wake_p999_us": metric("input_wake_p999_us")?, "crowd_wait_ns": waited.iter().max(),
        }),
        late,
        rescues: Sample::settled(photon)?.counter("rescue_overdue")? - before,
        kthreads,
    })
}
