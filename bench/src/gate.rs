// SPDX-License-Identifier: GPL-2.0-only
//! A counting semaphore on a futex: what engines build their job queues and fences from. It may
//! live in memory shared between processes.

use crate::sys::futex;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Debug, Default)]
#[repr(C)]
pub struct Gate {
    count: AtomicU32,
    /// Sleepers, so that posting to nobody costs no system call (as in every real one).
    sleepers: AtomicU32,
}

impl Gate {
    pub const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            sleepers: AtomicU32::new(0),
        }
    }

    /// Take one if there is one.
    pub fn try_take(&self) -> bool {
        self.count
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_ok()
    }

    /// Block until one can be taken. `Interrupted` on a signal.
    pub fn take(&self) -> io::Result<()> {
        while !self.try_take() {
            // SeqCst pairs with `post`: either it sees the sleeper or the sleeper sees the count.
            self.sleepers.fetch_add(1, Ordering::SeqCst);
            let slept = match self.count.load(Ordering::SeqCst) {
                0 => futex::wait(&self.count, 0),
                _ => Ok(()),
            };
            self.sleepers.fetch_sub(1, Ordering::SeqCst);
            slept?;
        }
        Ok(())
    }

    /// Put `n` in and wake as many sleepers.
    pub fn post(&self, n: u32) {
        self.count.fetch_add(n, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            futex::wake(&self.count, n as i32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn nothing_is_lost_or_invented() {
        const ROUNDS: u32 = 20_000;
        let gate = Arc::new(Gate::new());
        let takers: Vec<_> = (0..4)
            .map(|_| {
                let gate = Arc::clone(&gate);
                std::thread::spawn(move || (0..ROUNDS).for_each(|_| gate.take().unwrap()))
            })
            .collect();
        for _ in 0..ROUNDS * 2 {
            gate.post(2);
        }
        takers.into_iter().for_each(|t| t.join().unwrap());
        assert!(!gate.try_take());
    }
}
