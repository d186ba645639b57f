// SPDX-License-Identifier: GPL-2.0-only
//! Scheduling policy, names and CPUs of the calling thread.

use super::check;
use std::io;

/// How a thread is scheduled. `Rr` and `Fifo` are above every sched_ext scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Other { nice: i32 },
    Batch { nice: i32 },
    Rr(i32),
    Fifo(i32),
}

pub fn set_policy(policy: Policy) -> io::Result<()> {
    let (class, priority, nice) = match policy {
        Policy::Other { nice } => (libc::SCHED_OTHER, 0, Some(nice)),
        Policy::Batch { nice } => (libc::SCHED_BATCH, 0, Some(nice)),
        Policy::Rr(p) => (libc::SCHED_RR, p, None),
        Policy::Fifo(p) => (libc::SCHED_FIFO, p, None),
    };
    let param = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: `param` is valid for reads; pid 0 is the calling thread.
    check(unsafe { libc::sched_setscheduler(0, class, &param) })?;
    if let Some(nice) = nice {
        // SAFETY: no memory is passed; who 0 is the calling thread on Linux.
        check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) })?;
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
