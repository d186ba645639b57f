// SPDX-License-Identifier: GPL-2.0-only
//! What every package says about the source, and when that was.

use std::path::Path;
use std::process::Command;

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
pub fn epoch() -> u32 {
    if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
        return text.parse().unwrap_or(0);
    }
    let log = Command::new("git")
        .args(["log", "-1", "--format=%ct"])
        .current_dir(root())
        .output();
    let text = log.map_or(String::new(), |o| {
        String::from_utf8_lossy(&o.stdout).into_owned()
    });
    text.trim().parse().unwrap_or(0)
}
