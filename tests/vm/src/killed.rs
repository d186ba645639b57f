// SPDX-License-Identifier: GPL-2.0-only
//! A process that does not outlive its scenario.

use std::process::Child;

/// Killed if nobody waits for its end.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
