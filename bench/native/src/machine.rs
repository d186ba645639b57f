// SPDX-License-Identifier: GPL-2.0-only
//! The machine measured on, and threads that have a CPU of it to themselves.

use anyhow::{Context, Result, bail};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Writers at a time, each on a CPU of its own: 0 and 1.
pub const CPUS: usize = 2;
/// The lowest real-time priority: above every ordinary task.
const PRIORITY: libc::c_int = 1;
/// Between two looks whether another thread is in its place.
const PLACING: Duration = Duration::from_micros(100);

/// Whether the programs can be measured here.
pub fn usable() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        bail!("only root may load the programs");
    }
    let cpus = std::thread::available_parallelism()?.get();
    if cpus < CPUS {
        bail!("{CPUS} CPUs are needed, there are {cpus}");
    }
    crate::bpf::load(&mut MaybeUninit::uninit()).map(drop)
}

/// Kernel and CPU, for the head of the table.
pub fn describe() -> Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
    let model = info.lines().find_map(|l| l.strip_prefix("model name"));
    let model = model
        .unwrap_or_default()
        .trim_start_matches(['\t', ' ', ':']);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!("Linux {}, {model}", kernel.trim()))
}

/// Back to an ordinary thread on any CPU. A thread inherits what its maker has, so
/// this comes before making one.
pub fn share() -> Result<()> {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: as below; lowering oneself is always allowed.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_OTHER, &param) };
    let mut set = CpuSet::new();
    (0..CPUS).try_for_each(|cpu| set.set(cpu))?;
    sched_setaffinity(Pid::from_raw(0), &set).context("unpinning")
}

/// Waits, as an ordinary thread, until another one has taken its CPU: one that
/// spins as a real-time thread might keep it from ever getting there.
pub fn wait_for(placed: &AtomicBool) {
    while !placed.load(Ordering::Acquire) {
        std::thread::sleep(PLACING);
    }
}

/// Pins the calling thread; as a real-time thread, if the machine allows it, so
/// that others do not count.
pub fn own(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu).context("a CPU number")?;
    sched_setaffinity(Pid::from_raw(0), &set).context("pinning")?;
    let param = libc::sched_param {
        sched_priority: PRIORITY,
    };
    // SAFETY: the parameter outlives the call, which only reads it. A refusal
    // costs precision, not truth.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &param) };
    Ok(())
}
