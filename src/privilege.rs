// SPDX-License-Identifier: GPL-2.0-only
//! Gives away every capability that loading and attaching does not need, before
//! any thread is started. The rest stays: CPU hotplug means loading again.

use caps::{CapSet, Capability, CapsHashSet};
use log::{debug, warn};

/// Found by experiment: `cargo xtask vm -- privilege`.
const NEEDED: [Capability; 2] = [Capability::CAP_BPF, Capability::CAP_PERFMON];

/// Not worth failing for: what cannot be dropped was not ours to drop.
pub fn drop_unneeded() {
    if let Err(e) = drop_all_but(&NEEDED) {
        warn!("capabilities that are not needed are kept: {e}");
    }
}

fn drop_all_but(needed: &[Capability]) -> Result<(), caps::errors::CapsError> {
    let held = caps::read(None, CapSet::Permitted)?;
    let keep: CapsHashSet = needed
        .iter()
        .copied()
        .filter(|c| held.contains(c))
        .collect();
    // First, while we may: what no program that we start could get back.
    if held.contains(&Capability::CAP_SETPCAP) {
        for cap in caps::read(None, CapSet::Bounding)?.difference(&keep) {
            // A container may forbid it. What we hold ourselves goes all the same.
            if let Err(e) = caps::drop(None, CapSet::Bounding, *cap) {
                debug!("{cap} stays in the bounding set: {e}");
            }
        }
    }
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &keep)?;
    caps::set(None, CapSet::Permitted, &keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use photon_bench::untested::untested;
    use std::process::Command;

    const TEST: &str = "privilege::tests::nothing_is_gained";
    /// What the harness ends with when a test fails.
    const FAILED: i32 = 101;

    fn unneeded(held: &CapsHashSet) -> bool {
        held.iter().any(|c| !NEEDED.contains(c))
    }

    /// Who is not root has nothing to drop: the test once more as the root of a namespace.
    fn as_root_of_a_namespace() {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--"]);
        unshare.arg(std::env::current_exe().expect("a path"));
        let ended = unshare.args(["--exact", TEST]).output();
        let code = ended.as_ref().ok().and_then(|e| e.status.code());
        assert_ne!(code, Some(FAILED), "{ended:?}");
        if code != Some(0) {
            untested("neither root nor allowed to make a user namespace");
        }
    }

    #[test]
    fn nothing_is_gained() {
        let before = caps::read(None, CapSet::Permitted).expect("reads");
        if !unneeded(&before) {
            return as_root_of_a_namespace();
        }
        // Capabilities are a thread's own: one that ends here.
        let thread = std::thread::spawn(move || {
            drop_unneeded();
            let after = caps::read(None, CapSet::Permitted).expect("reads");
            assert!(after.is_subset(&before));
            assert!(after.iter().all(|c| NEEDED.contains(c)), "{after:?}");
            assert_eq!(caps::read(None, CapSet::Effective).expect("reads"), after);
        });
        thread.join().expect("passes");
    }
}
