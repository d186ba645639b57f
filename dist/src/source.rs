// SPDX-License-Identifier: GPL-2.0-only
//! What every package says about the source, and when that was.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};

pub const NAME: &str = "scx_photon";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
pub const SUMMARY: &str = "sched_ext CPU scheduler for gaming";
/// Lines of less than 80 columns with the blank that a .deb puts before each.
pub const DESCRIPTION: &str = "It follows a frame from the input report that asks for it, through the threads\n\
     that make it, and gives each of them a CPU by a deadline, while everything\n\
     else gets what is left, with a bound on its wait. Needs Linux 6.12 or newer\n\
     with CONFIG_SCHED_CLASS_EXT and BTF.";

pub fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// Seconds since 1970 that every file of a package carries: what SOURCE_DATE_EPOCH says, else the
/// last commit, else 0. Never the time of the build.
pub fn epoch() -> Result<u32> {
    // Every file asks.
    static EPOCH: LazyLock<Result<u32, String>> =
        LazyLock::new(|| found().map_err(|e| format!("{e:#}")));
    match &*EPOCH {
        Ok(seconds) => Ok(*seconds),
        Err(e) => bail!("{e}"),
    }
}

fn found() -> Result<u32> {
    if let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") {
        return seconds(&text.to_string_lossy());
    }
    Ok(last_commit().unwrap_or_else(|| {
        eprintln!("photon-dist: no date from SOURCE_DATE_EPOCH or git: all files are of 1970");
        0
    }))
}

pub fn seconds(text: &str) -> Result<u32> {
    text.parse::<u32>()
        .with_context(|| format!("SOURCE_DATE_EPOCH is `{text}`, not seconds since 1970"))
}

fn last_commit() -> Option<u32> {
    let mut git = Command::new("git");
    let log = git
        .args(["log", "-1", "--format=%ct"])
        .current_dir(root())
        .output()
        .ok()?;
    String::from_utf8_lossy(&log.stdout).trim().parse().ok()
}
