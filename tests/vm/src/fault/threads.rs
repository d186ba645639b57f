// SPDX-License-Identifier: GPL-2.0-only
//! Threads that change what the scheduler thinks it knows of them: where they may run, of what class they are, whether
//! they exist.

use super::{Amount, Slack};
use crate::load::{allow_all, bind, burn, pin};
use crate::photon::Photon;
use crate::scenario::Fail;
use photon_bench::sys::clock::NS_PER_US;
use photon_bench::sys::sched::{NORMAL, Policy, cpus, set_policy};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two changes, so that some come while it runs, some while it waits.
const BURST_NS: u64 = 300 * NS_PER_US;
/// Of a request of 3 ms.
const FLIP_NS: u64 = 2500 * NS_PER_US;
const PAUSE: Duration = Duration::from_micros(200);
/// Fewer changes than one in so many milliseconds on each CPU are no churn. On one CPU a thread that is started and
/// waited for takes two turns behind all others: 10 to 30 ms; a starved host takes some times as long.
const MS_A_CHANGE: u64 = 400;

/// Each thread binds itself to one CPU, to two, to none, while it runs and before it sleeps.
pub fn affinity(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    churn(ms, |n| {
        let cpu = n as usize % cpus();
        match n % 3 {
            0 => allow_all()?,
            1 => pin(cpu)?,
            _ => bind(cpu..cpu + 2)?,
        }
        burn(BURST_NS);
        if n % 5 == 0 {
            std::thread::sleep(PAUSE);
        }
        Ok(())
    })
}

/// In and out of the scheduler's class, and between its own.
pub fn policies(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    const ROUND: [Policy; 6] = [
        NORMAL,
        Policy::Fifo(1),
        Policy::Batch { nice: 0 },
        Policy::Other { nice: 10 },
        Policy::Idle,
        Policy::Other { nice: -10 },
    ];
    churn(ms, |n| {
        set_policy(ROUND[n as usize % ROUND.len()])?;
        burn(BURST_NS);
        if n % 4 == 0 {
            std::thread::sleep(PAUSE);
        }
        Ok(())
    })
}

/// Between two classes and out of the way, each time before the request ends: whose place in the queue stands must not
/// be able to buy a new request by it. Twice as many as CPUs, so that they could keep all of them.
pub fn flips(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    let end = Instant::now() + Duration::from_millis(ms);
    let flip = || -> io::Result<u64> {
        let mut steps = 0;
        while Instant::now() < end {
            for policy in [Policy::Batch { nice: 0 }, NORMAL] {
                burn(FLIP_NS);
                set_policy(policy)?;
                // SAFETY: it takes nothing.
                unsafe { libc::sched_yield() };
                steps += 1;
            }
        }
        Ok(steps)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2 * cpus()).map(|_| scope.spawn(flip)).collect();
        threads.into_iter().try_fold(0, |sum, thread| {
            let steps = thread.join();
            Ok(sum + steps.map_err(|_| Fail::failed("a thread panicked"))??)
        })
    })
}

/// Threads that live for one burst.
pub fn come_and_go(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    churn(ms, |_| {
        let short = std::thread::spawn(|| burn(BURST_NS));
        short.join().map_err(|_| io::Error::other("it panicked"))
    })
}

/// One thread a CPU does `step` again and again, but once at least: 76 ms of a starved host were over before that; the number of steps of all.
fn churn(ms: u64, step: impl Fn(u64) -> io::Result<()> + Sync) -> Result<u64, Fail> {
    let end = Instant::now() + Duration::from_millis(ms);
    let steps = AtomicU64::new(0);
    let work = || -> io::Result<()> {
        loop {
            step(steps.fetch_add(1, Ordering::Relaxed))?;
            if Instant::now() >= end {
                return Ok(());
            }
        }
    };
    std::thread::scope(|scope| -> Result<(), Fail> {
        let threads: Vec<_> = (0..cpus()).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let ended = thread.join();
            ended.map_err(|_| Fail::failed("a thread panicked"))??;
        }
        Ok(())
    })?;
    let steps = steps.into_inner();
    if !is_churn(steps, ms, cpus() as u64) {
        return Err(Fail::failed(format!("only {steps} changes in {ms} ms")));
    }
    Ok(steps)
}

/// A fault that did nothing proves nothing.
fn is_churn(steps: u64, ms: u64, cpus: u64) -> bool {
    steps >= ms * cpus / MS_A_CHANGE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_changes_are_enough_on_one_cpu() {
        assert!(is_churn(16, 500, 1));
        assert!(!is_churn(4, 500, 4));
        assert!(!is_churn(0, 500, 1));
    }
}
