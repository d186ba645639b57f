// SPDX-License-Identifier: GPL-2.0-only
//! Room on the disk, asked for before the work: a compiler or a packet manager that runs out of it in the middle
//! says "Bus error" or "package lists could not be parsed", and nobody thinks of the disk.

use crate::{paths, shell};
use anyhow::{Context, Result, bail};
use std::path::Path;

/// What a fresh clone's target directory holds after a whole `cargo xtask test`, with a third to spare.
const WHOLE_RUN_BYTES: u64 = 5 << 30;
/// What a run writes anew even where everything is built: disks of the machines, the unpacked kernel, objects of a
/// changed crate.
const ANY_RUN_BYTES: u64 = 1 << 30;

/// Fails with one line if the disk that holds the target directory has no room for a run.
pub fn ensure() -> Result<()> {
    shell::infrastructure(ensure_at(&paths::target()))
}

fn ensure_at(target: &Path) -> Result<()> {
    std::fs::create_dir_all(target).with_context(|| target.display().to_string())?;
    let stat = nix::sys::statvfs::statvfs(target).with_context(|| target.display().to_string())?;
    let free = stat.blocks_available() * stat.fragment_size();
    let needed = still_needed(bytes_below(target)?);
    if free < needed {
        bail!(
            "{} MiB are free for {}, {} are needed: free some, or set CARGO_TARGET_DIR to another disk",
            free >> 20,
            target.display(),
            needed >> 20
        );
    }
    Ok(())
}

fn still_needed(there: u64) -> u64 {
    WHOLE_RUN_BYTES.saturating_sub(there).max(ANY_RUN_BYTES)
}

/// What the files below a directory take; one that goes away meanwhile takes nothing.
fn bytes_below(dir: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let entry = entry?;
        let Ok(meta) = entry.metadata() else { continue };
        sum += match meta.is_dir() {
            true => bytes_below(&entry.path()).unwrap_or(0),
            false => meta.len(),
        };
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_target_needs_less() {
        assert_eq!(still_needed(0), WHOLE_RUN_BYTES);
        assert_eq!(still_needed(WHOLE_RUN_BYTES / 2), WHOLE_RUN_BYTES / 2);
        assert_eq!(still_needed(2 * WHOLE_RUN_BYTES), ANY_RUN_BYTES);
    }

    #[test]
    fn a_full_disk_is_named() {
        let here = paths::target();
        assert!(bytes_below(&here).is_ok_and(|b| b > 0));
        // The kernel's own file system of no size at all stands for a full disk.
        let e = ensure_at(Path::new("/proc/self/fd")).expect_err("proc has no room");
        assert!(e.to_string().contains("MiB are free"), "{e:#}");
    }
}
