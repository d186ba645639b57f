// SPDX-License-Identifier: GPL-2.0-only
//! What runs leave behind that were killed: each file or directory of a run's own carries the number of its process.

use anyhow::{Context, Result};
use std::path::Path;

/// Removes from a directory what belongs to a process that is gone.
pub fn remove(dir: &Path) -> Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if owner(&path).is_some_and(is_gone) {
            // Another run may be about the same.
            let _ = match path.is_dir() {
                true => std::fs::remove_dir_all(&path),
                false => std::fs::remove_file(&path),
            };
        }
    }
    Ok(())
}

/// 22236 of `bench-eevdf-1-22236.cpio`, and of `22236`.
fn owner(path: &Path) -> Option<u32> {
    let stem = path.file_stem()?.to_str()?;
    stem.rsplit('-').next()?.parse().ok()
}

fn is_gone(process: u32) -> bool {
    !Path::new(&format!("/proc/{process}")).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No process has a number as high (`PID_MAX_LIMIT` in the kernel's threads.h).
    const NOBODY: u32 = 4_194_305;

    #[test]
    fn only_what_the_dead_have_left_goes() {
        let me = std::process::id();
        let dir = std::env::temp_dir().join(format!("photon-leftovers-{me}"));
        let _ = std::fs::remove_dir_all(&dir);
        let (own, others) = (dir.join(me.to_string()), dir.join(NOBODY.to_string()));
        for run in [&own, &others] {
            std::fs::create_dir_all(run.join("programs")).unwrap();
        }
        let boot = |process: u32| dir.join(format!("matrix_6.16.12-amd64-{process}.cpio"));
        for file in [boot(me), boot(NOBODY), dir.join("notes.txt")] {
            std::fs::write(file, "").unwrap();
        }
        remove(&dir).unwrap();
        assert!(own.exists() && boot(me).exists() && dir.join("notes.txt").exists());
        assert!(!others.exists() && !boot(NOBODY).exists());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
