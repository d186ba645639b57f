// SPDX-License-Identifier: GPL-2.0-only
//! Builds what is shipped and what the test machine runs.

use crate::{paths, shell};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Naming the target keeps the flags below away from build scripts, which must stay dynamic.
const GUEST_TARGET: &str = "x86_64-unknown-linux-gnu";
/// The test machine has no libraries but those scx_photon itself brings.
const GUEST_FLAGS: &str = "-C target-feature=+crt-static";

pub struct Artifacts {
    pub scx_photon: PathBuf,
    /// The deliberately breakable build, for the sabotage twins.
    pub sabotage: Option<PathBuf>,
    pub bench: PathBuf,
    pub guest: PathBuf,
}

pub fn build() -> Result<Artifacts> {
    let target = paths::target();
    shell::step("building scx_photon (release)");
    shell::run(cargo(&["build", "--release", "--package", "scx_photon"]).env_remove("RUSTFLAGS"))?;
    shell::step("building the test machine's programs (static)");
    let mut guest = cargo(&[
        "build",
        "--release",
        "--package",
        "photon-bench",
        "--package",
        "photon-guest",
    ]);
    shell::run(
        guest
            .args(["--target", GUEST_TARGET])
            .env("RUSTFLAGS", GUEST_FLAGS),
    )?;
    let guest_dir = target.join(GUEST_TARGET).join("release");
    Ok(Artifacts {
        scx_photon: target.join("release/scx_photon"),
        sabotage: None,
        bench: guest_dir.join("photon-bench"),
        guest: guest_dir.join("photon-guest"),
    })
}

/// Builds the sabotage twin into a directory of its own, so that it never lies where the product is looked for.
pub fn build_sabotage(artifacts: Artifacts) -> Result<Artifacts> {
    let dir = paths::target().join("sabotage");
    shell::step("building the sabotage twin");
    let mut command = cargo(&[
        "build",
        "--release",
        "--package",
        "scx_photon",
        "--features",
        "sabotage",
    ]);
    shell::run(
        command
            .arg("--target-dir")
            .arg(&dir)
            .env_remove("RUSTFLAGS"),
    )?;
    Ok(Artifacts {
        sabotage: Some(dir.join("release/scx_photon")),
        ..artifacts
    })
}

/// The cargo we were started by, at the workspace root.
pub fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(paths::root());
    command
}

pub fn has_file(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|e| e == ending)
}
