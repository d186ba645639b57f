// SPDX-License-Identifier: GPL-2.0-only
//! Scheduling policy, names and CPUs of threads.

use super::check;
use std::io;

/// How a thread is scheduled. `Rr` and `Fifo` are above every sched_ext scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Other { nice: i32 },
    Batch { nice: i32 },
    Idle,
    Rr(i32),
    Fifo(i32),
}

/// An ordinary thread.
pub const NORMAL: Policy = Policy::Other { nice: 0 };
/// A thread that stands for an interrupt: nothing of a load may delay it.
pub const INTERRUPT: Policy = Policy::Fifo(90);
/// As the kernel takes it.
const CALLING_THREAD: libc::pid_t = 0;

pub fn set_policy(policy: Policy) -> io::Result<()> {
    set_policy_of(CALLING_THREAD, policy)
}

/// Of another thread.
pub fn set_policy_of(tid: libc::pid_t, policy: Policy) -> io::Result<()> {
    let (class, priority, nice) = match policy {
        Policy::Other { nice } => (libc::SCHED_OTHER, 0, Some(nice)),
        Policy::Batch { nice } => (libc::SCHED_BATCH, 0, Some(nice)),
        Policy::Idle => (libc::SCHED_IDLE, 0, None),
        Policy::Rr(p) => (libc::SCHED_RR, p, None),
        Policy::Fifo(p) => (libc::SCHED_FIFO, p, None),
    };
    let param = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: `param` is valid for reads.
    check(unsafe { libc::sched_setscheduler(tid, class, &param) })?;
    if let Some(nice) = nice {
        // SAFETY: no memory is passed; on Linux it is about one thread.
        check(unsafe { libc::setpriority(libc::PRIO_PROCESS, tid as libc::id_t, nice) })?;
    }
    Ok(())
}

/// The name the kernel shows for this thread: cut to its 15 bytes.
pub fn set_comm(name: &str) {
    let mut bytes = [0u8; 16];
    for (to, from) in bytes.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: `bytes` is a NUL-terminated string of 16 bytes, as PR_SET_NAME wants.
    unsafe { libc::prctl(libc::PR_SET_NAME, bytes.as_ptr()) };
}

pub fn gettid() -> i32 {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::gettid() }
}

/// CPUs this process may run on.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
