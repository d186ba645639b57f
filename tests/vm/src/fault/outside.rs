// SPDX-License-Identifier: GPL-2.0-only
//! Threads whose policy, niceness and affinity somebody else changes, as ananicy, systemd and taskset do: the kernel then
//! calls the scheduler on the CPU of the one who changes, for a task that runs or waits on another.

use super::{Amount, Slack};
use crate::load::{Load, Worker, bind_thread, burn, pin};
use crate::photon::Photon;
use crate::scenario::Fail;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::{NORMAL, Policy, cpus, set_policy, set_policy_of};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Shorter than what a waiting task would have to wait for.
const ASKS_EVERY: Duration = Duration::from_millis(1);
const STEP_NS: u64 = 100 * NS_PER_US;
/// So much CPU at the lowest weight is more than a share.
const DEBT_NS: u64 = 10 * NS_PER_MS;
/// Far above any bound, and half of what the task waits for if it asks anew each time.
const GAP_MAX: Duration = Duration::from_secs(1);
const HOGS_A_CPU: usize = 2;

/// A thread that burns, and what others want to know of it.
#[derive(Default)]
struct Burning {
    tid: AtomicI32,
    /// ns, the longest time between two steps
    gap: AtomicU64,
    stop: AtomicBool,
}

impl Burning {
    fn burn(&self) {
        // SAFETY: it takes nothing and gives a number.
        self.tid.store(unsafe { libc::gettid() }, Ordering::Relaxed);
        let mut last = Instant::now();
        while !self.stop.load(Ordering::Relaxed) {
            burn(STEP_NS);
            let gap = last.elapsed().as_nanos() as u64;
            self.gap.fetch_max(gap, Ordering::Relaxed);
            last = Instant::now();
        }
    }

    /// Of the thread, which has begun then.
    fn tid(&self) -> libc::pid_t {
        loop {
            match self.tid.load(Ordering::Relaxed) {
                0 => std::thread::sleep(ASKS_EVERY),
                tid => return tid,
            }
        }
    }
}

/// Hogs that mostly run, changed from CPU 0.
pub fn running(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    let hogs: Vec<Burning> = (0..cpus()).map(|_| Burning::default()).collect();
    std::thread::scope(|scope| {
        hogs.iter().for_each(|hog| {
            scope.spawn(|| hog.burn());
        });
        let changed = scope.spawn(|| change(&hogs, ms)).join();
        hogs.iter()
            .for_each(|h| h.stop.store(true, Ordering::Relaxed));
        Ok(changed.map_err(|_| Fail::failed("a thread panicked"))??)
    })
}

fn change(hogs: &[Burning], ms: u64) -> io::Result<u64> {
    pin(0)?;
    let end = Instant::now() + Duration::from_millis(ms);
    let (mut changes, mut round) = (0, 0);
    while Instant::now() < end {
        for hog in hogs {
            let tid = hog.tid();
            match round % 4 {
                0 => set_policy_of(tid, Policy::Other { nice: 1 })?,
                1 => bind_thread(tid, 0..(cpus() - 1).max(1))?,
                2 => set_policy_of(tid, NORMAL)?,
                _ => bind_thread(tid, 0..libc::CPU_SETSIZE as usize)?,
            }
            changes += 1;
        }
        // The same task gets another kind of change each time.
        round += 1;
        // Not asleep: what its own CPU notes at a switch must be old now and then.
        burn(STEP_NS);
    }
    Ok(changes)
}

/// One that waits behind hogs and has had more than its share, changed each millisecond: were it to ask anew each time,
/// it would wait for ever.
pub fn waiting(_: &Photon, ms: Amount, slack: Slack) -> Result<u64, Fail> {
    let hogs = vec![Worker::hog("hog"); HOGS_A_CPU * cpus()];
    let (load, victim) = (Load::start(&hogs)?, Burning::default());
    let asked = std::thread::scope(|scope| -> Result<u64, Fail> {
        scope.spawn(|| {
            let _ = set_policy(Policy::Idle);
            burn(DEBT_NS);
            victim.burn();
        });
        let asked = ask(victim.tid(), ms);
        victim.stop.store(true, Ordering::Relaxed);
        Ok(asked?)
    })?;
    load.finish()?;
    match Duration::from_nanos(victim.gap.into_inner()) {
        gap if gap <= GAP_MAX * slack => Ok(asked),
        gap => Err(Fail::failed(format!(
            "it waited {gap:?} while it was changed"
        ))),
    }
}

fn ask(tid: libc::pid_t, ms: u64) -> io::Result<u64> {
    let end = Instant::now() + Duration::from_millis(ms);
    let mut asked = 0;
    while Instant::now() < end {
        for policy in [Policy::Batch { nice: 0 }, Policy::Idle] {
            set_policy_of(tid, policy)?;
            asked += 1;
            std::thread::sleep(ASKS_EVERY);
        }
    }
    Ok(asked)
}
