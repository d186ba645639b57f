// SPDX-License-Identifier: GPL-2.0-only
//! Off means off: after an ejection scx_photon does not start again in this boot
//! until it is told to. The mark is a file in /run, keyed by the boot's id, so
//! that a reboot or `--clear-latch` takes it away and a service manager cannot.

use std::path::Path;

use anyhow::{Context, Result};
use log::warn;

use crate::caps;
use crate::failure::Failure;
use crate::rundir::{RUN_DIR, RunDir};

const LATCH: &str = "latch";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Why it must stay off, if so. What cannot be read holds nobody back: only root
/// can make it unreadable, and root can also clear it.
pub fn blocker() -> Option<Failure> {
    let reason = RunDir::open(Path::new(RUN_DIR))
        .and_then(|dir| held(dir.as_ref(), &boot_id()?))
        .inspect_err(|e| warn!("the latch cannot be read: {e:#}"));
    reason.ok().flatten().map(Failure::Latched)
}

/// Is there one of this boot's? `/run` is empty at boot, and who is not root sees that the file is there.
pub fn is_set() -> bool {
    Path::new(RUN_DIR).join(LATCH).exists()
}

/// Stay off from now on, for this reason.
pub fn set(dir: &RunDir, reason: &str) -> Result<()> {
    let text = format!("{}\n{reason}\n", boot_id()?);
    dir.write(LATCH, text.as_bytes())
        .context("setting the latch")
}

/// Lets it start again; true if something held it back.
pub fn clear() -> Result<bool> {
    caps::need_root("the latch is root's")?;
    match RunDir::open(Path::new(RUN_DIR))? {
        Some(dir) => dir.remove(LATCH).context("clearing the latch"),
        None => Ok(false),
    }
}

fn boot_id() -> Result<String> {
    let id = std::fs::read_to_string(BOOT_ID).with_context(|| format!("reading {BOOT_ID}"))?;
    Ok(id.trim().to_string())
}

/// The reason in the latch, if it was set in this boot.
fn held(dir: Option<&RunDir>, boot: &str) -> Result<Option<String>> {
    let Some(text) = dir.map(|d| d.read(LATCH)).transpose()?.flatten() else {
        return Ok(None);
    };
    let mut lines = text.lines();
    let same_boot = lines.next() == Some(boot);
    Ok(same_boot.then(|| lines.next().unwrap_or("no reason given").to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_boot_is_held() {
        let home = std::env::temp_dir().join(format!("photon-latch-{}", std::process::id()));
        let dir = RunDir::create(&home).expect("a directory");
        assert_eq!(held(None, "b").expect("reads"), None);
        assert_eq!(held(Some(&dir), "b").expect("reads"), None);
        set(&dir, "a stall").expect("sets");
        let here = boot_id().expect("a boot id");
        let reason = held(Some(&dir), &here).expect("reads");
        assert_eq!(reason.as_deref(), Some("a stall"));
        assert_eq!(held(Some(&dir), "another boot").expect("reads"), None);
        assert!(dir.remove(LATCH).expect("removes"));
        assert!(!dir.remove(LATCH).expect("twice is fine"));
        assert_eq!(held(Some(&dir), &here).expect("reads"), None);
        std::fs::remove_dir_all(&home).expect("removes");
    }

    #[test]
    fn a_broken_latch_is_no_latch() {
        let home = std::env::temp_dir().join(format!("photon-latch-bad-{}", std::process::id()));
        let dir = RunDir::create(&home).expect("a directory");
        for bad in ["", "\n", "x", "\u{0}\nreason\n"] {
            dir.write(LATCH, bad.as_bytes()).expect("writes");
            assert_eq!(held(Some(&dir), "boot").expect("reads"), None, "{bad:?}");
        }
        std::fs::remove_dir_all(&home).expect("removes");
    }
}
