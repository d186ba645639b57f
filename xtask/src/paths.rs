// SPDX-License-Identifier: GPL-2.0-only
//! Where things are.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Cargo's target directory, which a contributor may have moved.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => std::path::absolute(&dir).unwrap_or_else(|_| dir.into()),
        None => root().join("target"),
    }
}

/// Everything fetched or made that may be deleted at any time, under the target directory so that `cargo clean`
/// takes it along.
pub fn cache(part: &str) -> Result<PathBuf> {
    let dir = target().join("photon-cache").join(part);
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    Ok(dir)
}

/// A file, or its place, that is gone with this.
pub struct Temporary(pub PathBuf);

impl Temporary {
    /// In the system's directory for such, ours alone.
    pub fn named(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("photon-{name}-{}", std::process::id())))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Not everybody has made it.
        let _ = std::fs::remove_file(&self.0);
    }
}
