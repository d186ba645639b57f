// SPDX-License-Identifier: GPL-2.0-only
//! Man pages and completions, which the program itself makes from its command line.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A directory that is gone when this is dropped.
struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is in the temporary directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Name and content of every file, by name.
pub fn of(binary: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let id = format!(
        "photon-dist-{}-{:?}",
        std::process::id(),
        std::thread::current().id()
    );
    let dir = Scratch(std::env::temp_dir().join(id));
    std::fs::create_dir_all(&dir.0)?;
    let made = Command::new(binary)
        .arg("assets")
        .arg(&dir.0)
        .output()
        .with_context(|| binary.display().to_string())?;
    if !made.status.success() {
        bail!(
            "{} assets: {}: {}",
            binary.display(),
            made.status,
            String::from_utf8_lossy(&made.stderr).trim()
        );
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&dir.0)? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        files.push((name.unwrap_or_default(), std::fs::read(&path)?));
    }
    files.sort();
    Ok(files)
}
