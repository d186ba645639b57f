// SPDX-License-Identifier: GPL-2.0-only
//! Tasks of the classes above sched_ext that do not let go of their CPUs.

use super::{Amount, Slack};
use crate::load::{Load, Worker, burn};
use crate::photon::Photon;
use crate::scenario::Fail;
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::{Policy, cpus};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A real-time burst: longer than any wait of ours, shorter than the kernel's patience.
pub const HELD_MS: u64 = 300;
const PERIOD_MS: u64 = 500;

pub fn fifo_one(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    hold([0].into_iter(), ms)
}

/// All of them at the same moments, so that for a while nothing else runs anywhere.
pub fn fifo_all(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    hold(0..cpus(), ms)
}

fn hold(on: impl Iterator<Item = usize>, ms: u64) -> Result<u64, Fail> {
    let hog = Worker::hog("fifo").policy(Policy::Fifo(50));
    let hog = hog.every(PERIOD_MS * NS_PER_MS, HELD_MS * NS_PER_MS);
    let workers: Vec<Worker> = on.map(|cpu| hog.on(cpu)).collect();
    let load = Load::start(&workers)?;
    std::thread::sleep(Duration::from_millis(ms));
    let done = load.finish()?;
    let held: u64 = done.iter().map(|d| d.cpu_ns / NS_PER_MS).sum();
    if held < HELD_MS * workers.len() as u64 {
        return Err(Fail::failed(format!(
            "the hogs held CPUs for {held} ms only"
        )));
    }
    Ok(held)
}

/// `struct sched_attr` of linux/sched/types.h, its first version.
#[repr(C)]
struct Attr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

/// SCHED_DEADLINE tasks that want nearly all that the kernel lets them have: 0.9 of every CPU.
pub fn deadline(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    const RUNTIME_NS: u64 = 9 * NS_PER_MS;
    const PERIOD_NS: u64 = 10 * NS_PER_MS;
    let (stop, ran) = (AtomicBool::new(false), AtomicU64::new(0));
    let work = || -> io::Result<()> {
        become_deadline(RUNTIME_NS, PERIOD_NS)?;
        while !stop.load(Ordering::Relaxed) {
            burn(NS_PER_MS);
            ran.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| -> Result<(), Fail> {
        let tasks: Vec<_> = (0..cpus()).map(|_| scope.spawn(work)).collect();
        std::thread::sleep(Duration::from_millis(ms));
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            let ended = task.join();
            ended.map_err(|_| Fail::failed("a deadline task panicked"))??;
        }
        Ok(())
    })?;
    Ok(ran.into_inner())
}

fn become_deadline(runtime_ns: u64, period_ns: u64) -> io::Result<()> {
    let attr = Attr {
        size: size_of::<Attr>() as u32,
        policy: libc::SCHED_DEADLINE as u32,
        flags: 0,
        nice: 0,
        priority: 0,
        runtime_ns,
        deadline_ns: period_ns,
        period_ns,
    };
    // SAFETY: a live struct that names its own size; thread 0 is the caller, and there are no flags.
    let rc = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) };
    match rc {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
