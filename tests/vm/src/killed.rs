// SPDX-License-Identifier: GPL-2.0-only
//! A process that does not outlive its scenario.

use photon_bench::sys::process::{kill, wait};
use std::process::Child;

/// Killed if nobody waits for its end.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The same for one that was forked and runs no program of its own; its number.
pub struct KilledFork(pub i32);

impl Drop for KilledFork {
    fn drop(&mut self) {
        kill(self.0);
        let _ = wait(self.0);
    }
}
