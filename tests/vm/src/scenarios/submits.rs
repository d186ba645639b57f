// SPDX-License-Identifier: GPL-2.0-only
//! Which thread gives the GPU work: of two that do the same beside hogs, woken by their timers, in a process that no
//! source reaches, the one that submits is a frame task. It waits a fraction of what the other waits; a while after it
//! has stopped to submit, and without the display probe, as long. Who submits empty jobs on every CPU gets frames'
//! bounded time, and hogs keep theirs. The jobs are real fences of a GPU without hardware (vgem).

use crate::gpu::Gpu;
use crate::load::{Load, Worker, burn};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::screen::load_modules;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US, mono_ns, sleep_until};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What both threads do, half a period apart: fast enough that no moment of 17 ms is left out.
const PERIOD_NS: u64 = 5 * NS_PER_MS;
const BURST_NS: u64 = 300 * NS_PER_US;
const HOGS_A_CPU: usize = 2;
/// Sixteen moments, 270 ms, make a submitter, and a second without a job makes none.
const LEARN: Duration = Duration::from_millis(600);
const FORGET: Duration = Duration::from_millis(1600);
const MEASURE: Duration = Duration::from_millis(600);
/// The waits of a thread that submits are at most so much of those of the other; of one that does not at least so much.
const FRAME_PERCENT: u64 = 33;
const EQUAL_PERCENT: u64 = 50;
/// Wakeups of submitters for each of the one that is one: the statistics are cut off anywhere.
const WAKEUPS_PERCENT: std::ops::RangeInclusive<u64> = 70..=150;
/// Threads that fake it, a CPU, and what each burns between two empty jobs, with hardly a sleep.
const FAKERS_A_CPU: usize = 2;
const FAKE_NS: u64 = 2 * NS_PER_MS;
const FAKE_PAUSE_NS: u64 = 50 * NS_PER_US;
/// What nobody's wait exceeds, and what every hog gets of a CPU beside them.
const WAIT_NS: u64 = 200 * NS_PER_MS;
const HOG_PERMILLE: u64 = 10;

/// A wakeup: when it was due, and how long after that it ran, ns.
type Wakeup = (u64, u64);

pub fn run(ctx: &Ctx) -> Outcome {
    load_modules()?;
    let photon = Photon::start(ctx, &STATS)?;
    let load = hogs(HOGS_A_CPU)?;
    let pair = Pair::start()?;
    std::thread::sleep(LEARN);
    let (marked, counted) = measure(&photon)?;
    pair.submits.store(false, Ordering::Relaxed);
    std::thread::sleep(FORGET);
    let (after, counted_after) = measure(&photon)?;
    let [one, other] = pair.finish()?;
    load.finish()?;
    let fakers = beside_fakers()?;
    photon.stop()?;
    let blind = without_probe(ctx)?;
    let waits = |time: &Range<u64>| Ok::<_, Fail>([mean(&one, time)?, mean(&other, time)?]);
    let (marked_us, after_us) = (waits(&marked)?, waits(&after)?);
    let own = one.iter().filter(|w| marked.contains(&w.0)).count() as u64;
    let metrics = json!({
        "wait_us": marked_us, "wait_us_after": after_us, "wait_us_without_probe": blind,
        "wakeups": own, "counted": counted, "counted_after": counted_after,
        "hog_wait_ms": fakers.0, "hog_permille": fakers.1,
    });
    let only_one = WAKEUPS_PERCENT.contains(&(counted * 100 / own.max(1))) && counted_after == 0;
    let bounded = fakers.0 <= WAIT_NS / NS_PER_MS && fakers.1 >= HOG_PERMILLE;
    let told = percent(marked_us) <= FRAME_PERCENT
        && percent(after_us) >= EQUAL_PERCENT
        && percent(blind) >= EQUAL_PERCENT;
    match only_one && bounded && told {
        true => Ok(metrics),
        false => Err(Fail::failed(metrics.to_string())),
    }
}

fn hogs(a_cpu: usize) -> io::Result<Load> {
    Load::start(&vec![Worker::hog("hog"); a_cpu * cpus()])
}

/// For a while: from when to when, and how many wakeups of submitters the kernel part has seen.
fn measure(photon: &Photon) -> Result<(Range<u64>, u64), Fail> {
    let before = Sample::settled(photon)?.counter("wake_submitter")?;
    let begin = mono_ns();
    std::thread::sleep(MEASURE);
    let end = mono_ns();
    let after = Sample::settled(photon)?.counter("wake_submitter")?;
    // The counters are of a longer time than the waits: what both have of it is the same.
    let longer = (mono_ns() - begin) as u128;
    let part = u128::from(after - before) * u128::from(end - begin) / longer;
    Ok((begin..end, part as u64))
}

/// The same without the probe, for once.
fn without_probe(ctx: &Ctx) -> Result<[u64; 2], Fail> {
    let photon = Photon::start(ctx, &["--no-display-probe"])?;
    let load = hogs(HOGS_A_CPU)?;
    let pair = Pair::start()?;
    std::thread::sleep(LEARN);
    let begin = mono_ns();
    std::thread::sleep(MEASURE);
    let time = begin..mono_ns();
    let [one, other] = pair.finish()?;
    load.finish()?;
    photon.stop()?;
    Ok([mean(&one, &time)?, mean(&other, &time)?])
}

/// What the one waits, percent of what the other waits.
fn percent([one, other]: [u64; 2]) -> u64 {
    one * 100 / other.max(1)
}

/// The mean wait in this time, us.
fn mean(wakeups: &[Wakeup], time: &Range<u64>) -> Result<u64, Fail> {
    let waits = wakeups.iter().filter(|w| time.contains(&w.0)).map(|w| w.1);
    let (n, sum) = waits.fold((0, 0), |(n, sum), wait| (n + 1, sum + wait));
    match n {
        0 => Err(Fail::failed("a thread did not run")),
        n => Ok(sum / n / NS_PER_US),
    }
}

/// Two threads that differ in one thing.
struct Pair {
    stop: Arc<AtomicBool>,
    submits: Arc<AtomicBool>,
    threads: [JoinHandle<io::Result<Vec<Wakeup>>>; 2],
}

impl Pair {
    fn start() -> Result<Self, Fail> {
        let stop = Arc::new(AtomicBool::new(false));
        let submits = Arc::new(AtomicBool::new(true));
        let gpu = Gpu::open()?;
        let spawn = |shift_ns, gpu: Option<Gpu>| {
            let (stop, submits) = (Arc::clone(&stop), Arc::clone(&submits));
            let name = if gpu.is_some() { "submits" } else { "computes" };
            let thread = std::thread::Builder::new().name(name.into());
            thread.spawn(move || {
                let mut seen = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    seen.push(wakeup(shift_ns)?);
                    burn(BURST_NS);
                    match &gpu {
                        Some(gpu) if submits.load(Ordering::Relaxed) => gpu.empty_job()?,
                        _ => {}
                    }
                }
                Ok(seen)
            })
        };
        let threads = [spawn(0, Some(gpu))?, spawn(PERIOD_NS / 2, None)?];
        Ok(Pair {
            stop,
            submits,
            threads,
        })
    }

    fn finish(self) -> Result<[Vec<Wakeup>; 2], Fail> {
        self.stop.store(true, Ordering::Relaxed);
        let [one, other] = self.threads.map(JoinHandle::join);
        let panicked = |_| Fail::failed("a thread panicked");
        Ok([one.map_err(panicked)??, other.map_err(panicked)??])
    }
}

/// Sleeps until its next turn.
fn wakeup(shift_ns: u64) -> io::Result<Wakeup> {
    let due = (mono_ns() / PERIOD_NS + 1) * PERIOD_NS + shift_ns;
    sleep_until(due)?;
    Ok((due, mono_ns().saturating_sub(due)))
}

/// Empty jobs in a loop on every CPU: the longest wait of a hog beside them, ms, and the least that one got, permille of
/// a CPU.
fn beside_fakers() -> Result<(u64, u64), Fail> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut fakers = Vec::new();
    for _ in 0..FAKERS_A_CPU * cpus() {
        let (gpu, stop) = (Gpu::open()?, Arc::clone(&stop));
        fakers.push(std::thread::spawn(move || -> io::Result<()> {
            while !stop.load(Ordering::Relaxed) {
                burn(FAKE_NS);
                gpu.empty_job()?;
                sleep_until(mono_ns() + FAKE_PAUSE_NS)?;
            }
            Ok(())
        }));
    }
    std::thread::sleep(LEARN);
    let load = hogs(HOGS_A_CPU)?;
    std::thread::sleep(MEASURE);
    let hogs = load.finish()?;
    stop.store(true, Ordering::Relaxed);
    for faker in fakers {
        let ended = faker.join();
        ended.map_err(|_| Fail::failed("a faker panicked"))??;
    }
    let waited = hogs.iter().map(|h| h.max_wait_ns).max().unwrap_or(u64::MAX);
    let least = hogs.iter().map(|h| h.cpu_ns * 1000 / h.wall_ns).min();
    Ok((waited / NS_PER_MS, least.unwrap_or(0)))
}
