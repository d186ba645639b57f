// SPDX-License-Identifier: GPL-2.0-only
//! Gives away every capability that loading and attaching does not need, before
//! any thread is started. The rest stays: CPU hotplug means loading again.

use caps::{CapSet, Capability, CapsHashSet};
use log::debug;

/// Found by experiment: `cargo xtask vm -- privilege`.
const NEEDED: [Capability; 2] = [Capability::CAP_BPF, Capability::CAP_PERFMON];

/// Not worth failing for: what cannot be dropped was not ours to drop.
pub fn drop_unneeded() {
    if let Err(e) = drop_all_but(&NEEDED) {
        debug!("capabilities kept: {e}");
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
            caps::drop(None, CapSet::Bounding, *cap)?;
        }
    }
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &keep)?;
    caps::set(None, CapSet::Permitted, &keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_gained() {
        // Capabilities are a thread's own: one that ends here.
        let thread = std::thread::spawn(|| {
            let before = caps::read(None, CapSet::Permitted).expect("reads");
            drop_unneeded();
            let after = caps::read(None, CapSet::Permitted).expect("reads");
            assert!(after.is_subset(&before));
            assert!(after.iter().all(|c| NEEDED.contains(c)), "{after:?}");
            assert_eq!(caps::read(None, CapSet::Effective).expect("reads"), after);
        });
        thread.join().expect("passes");
    }
}
