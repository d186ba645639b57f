// SPDX-License-Identifier: GPL-2.0-only
//! The kernel part's times are of the scheduler's clock, which is nobody else's. What is shown of them is of
//! CLOCK_MONOTONIC, as in a trace. The timer says every 100 ms or oftener how far one is ahead of the other; both run
//! apart by as much as the second is corrected, so a moment is converted while it is young.

use anyhow::{Context, Result};
use libbpf_rs::{MapCore, MapFlags};

use crate::loader::Scheduler;

/// ns that the scheduler's clock is ahead of CLOCK_MONOTONIC, as the timer last saw it; wraps.
pub fn ahead(scheduler: &Scheduler<'_>) -> Result<u64> {
    let map = scheduler.clock_map();
    let clock = map
        .lookup(&0u32.to_ne_bytes(), MapFlags::ANY)
        .context("reading the clock")?;
    // The first field of `struct clock`.
    let ahead = clock.as_deref().and_then(|bytes| bytes.first_chunk());
    Ok(u64::from_ne_bytes(*ahead.context("no clock")?))
}

/// A moment of the scheduler's clock, ns, as one of CLOCK_MONOTONIC. 0 is no moment, and stays.
pub fn monotonic(at: u64, ahead: u64) -> u64 {
    match at {
        0 => 0,
        at => at.wrapping_sub(ahead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheduler_s_clock_may_be_ahead_or_behind() {
        assert_eq!(monotonic(1_000, 300), 700);
        assert_eq!(monotonic(1_000, 300u64.wrapping_neg()), 1_300);
        assert_eq!(monotonic(0, 300), 0);
    }
}
