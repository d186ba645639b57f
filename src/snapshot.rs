// SPDX-License-Identifier: GPL-2.0-only
//! Reads the timer's sums of all counters: the reading side of the sequence lock
//! in `src/bpf/mech/snapshot.bpf.h`.

use std::ptr::{addr_of, read_volatile};
use std::sync::atomic::{Ordering, fence};

use anyhow::{Result, anyhow};

use crate::bpf::intf;

/// Reads that may collide with the timer's write before we give up; a write
/// takes microseconds.
const TRIES: usize = 1000;

/// Sums of one moment.
#[derive(Clone, Copy)]
pub struct Snapshot {
    pub at_ns: u64,
    pub sums: [u64; intf::counter_NR_COUNTERS as usize],
}

/// One consistent view of memory that the kernel part writes.
///
/// # Safety
/// `snap` points to a mapped `struct snapshot` that outlives the call.
pub unsafe fn read(snap: *const intf::snapshot) -> Result<Snapshot> {
    for _ in 0..TRIES {
        // SAFETY: the caller's promise. Volatile, because the kernel writes it; the
        // fences keep the reads of the sums between the two of the sequence.
        let (before, at_ns, sums, after) = unsafe {
            let before = read_volatile(addr_of!((*snap).seq));
            fence(Ordering::Acquire);
            let sums = read_volatile(addr_of!((*snap).v));
            let at = read_volatile(addr_of!((*snap).at));
            fence(Ordering::Acquire);
            (before, at, sums, read_volatile(addr_of!((*snap).seq)))
        };
        if before == after && before % 2 == 0 {
            return Ok(Snapshot { at_ns, sums });
        }
        std::thread::yield_now();
    }
    Err(anyhow!("the counter snapshot never came to rest"))
}
