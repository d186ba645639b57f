// SPDX-License-Identifier: GPL-2.0-only
//! Builds what is shipped and what the test machine runs.

use crate::{leftovers, paths, shell};
use anyhow::{Context, Result};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Naming the target keeps the flags below away from build scripts, which must stay dynamic.
pub const STATIC_TARGET: &str = "x86_64-unknown-linux-gnu";
/// Links the C library in: the test machine has no libraries but those scx_photon itself brings.
pub const STATIC_FLAGS: &str = "-C target-feature=+crt-static";

pub struct Artifacts {
    pub scx_photon: PathBuf,
    /// The deliberately breakable build, for the sabotage twins.
    pub sabotage: Option<PathBuf>,
    pub bench: PathBuf,
    pub guest: PathBuf,
}

impl Artifacts {
    /// Copies in this directory: a build must not change a run of hours under way. If told to, the bench that is there
    /// stays, so that what a resumed run adds is measured by the same one.
    pub fn copied(&self, dir: &Path, keep_bench: bool) -> Result<Artifacts> {
        std::fs::create_dir_all(dir)?;
        let kept = dir.join("photon-bench");
        let copy = |program: &PathBuf| {
            let copy = dir.join(program.file_name().context("no program")?);
            std::fs::copy(program, &copy).with_context(|| program.display().to_string())?;
            Ok::<_, anyhow::Error>(copy)
        };
        Ok(Artifacts {
            scx_photon: copy(&self.scx_photon)?,
            sabotage: self.sabotage.as_ref().map(copy).transpose()?,
            bench: match keep_bench && kept.exists() {
                true => kept,
                false => copy(&self.bench)?,
            },
            guest: copy(&self.guest)?,
        })
    }
}

/// Copies for one run, which go with it: a build meanwhile, or one of the sabotage twin where the product is looked for,
/// must not change what its later machines boot.
pub struct OfRun {
    dir: PathBuf,
    copies: Artifacts,
}

impl Deref for OfRun {
    type Target = Artifacts;

    fn deref(&self) -> &Artifacts {
        &self.copies
    }
}

impl Drop for OfRun {
    fn drop(&mut self) {
        // What stays goes with a later run.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

pub fn build_for_run(variants: Variants) -> Result<OfRun> {
    let built = build(variants)?;
    let runs = paths::cache("runs")?;
    leftovers::remove(&runs)?;
    let dir = runs.join(std::process::id().to_string());
    let copies = built.copied(&dir, false)?;
    Ok(OfRun { dir, copies })
}

/// Which variants of scx_photon a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variants {
    Product,
    ProductAndSabotage,
}

pub fn build(variants: Variants) -> Result<Artifacts> {
    let target = paths::target();
    let sabotage = match variants {
        Variants::Product => None,
        Variants::ProductAndSabotage => Some(build_sabotage(&target)?),
    };
    shell::step("building scx_photon (release)");
    let product = ["build", "--release", "--package", "scx_photon"];
    shell::run(&mut cargo(&product))?;
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
            .args(["--target", STATIC_TARGET])
            .env("RUSTFLAGS", STATIC_FLAGS),
    )?;
    let guest_dir = target.join(STATIC_TARGET).join("release");
    Ok(Artifacts {
        scx_photon: target.join("release/scx_photon"),
        sabotage,
        bench: guest_dir.join("photon-bench"),
        guest: guest_dir.join("photon-guest"),
    })
}

/// Built in the product's own directory, so that the two share every dependency, moved away, and always before the
/// product: where the product is looked for, it is what stays.
fn build_sabotage(target: &Path) -> Result<PathBuf> {
    shell::step("building the sabotage twin");
    shell::run(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "scx_photon",
        "--features",
        "sabotage",
    ]))?;
    let twin = paths::cache("sabotage")?.join("scx_photon-sabotage");
    let built = target.join("release/scx_photon");
    std::fs::rename(&built, &twin).with_context(|| built.display().to_string())?;
    Ok(twin)
}

/// The cargo we were started by, at the workspace root.
pub fn cargo(args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(paths::root());
    // A configuration of cargo may name another, and what lies in ours from before would be taken for new.
    command.env("CARGO_TARGET_DIR", paths::target());
    command
}

pub fn has_file(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|e| e == ending)
}
