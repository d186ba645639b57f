// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask dist`: packages of the release build, in `target/dist`.

use crate::artifacts::cargo;
use crate::{deps, paths, shell};
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

/// Naming the target keeps the flags below away from build scripts, which must stay dynamic.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// libelf and zlib are linked in by the feature `static`, the C library by this.
const STATIC_FLAGS: &str = "-C target-feature=+crt-static";

#[derive(clap::Args)]
pub struct Args {
    /// Also an archive of a static binary, for systems without packages or with a read-only /usr
    #[arg(long = "static")]
    with_static: bool,
    /// Of the packaging: to be raised when it changes and the program does not
    #[arg(long, value_name = "N", default_value_t = 1)]
    release: u32,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure()?;
    let product = ["build", "--release", "--locked", "--package", "scx_photon"];
    shell::step("building scx_photon (release)");
    shell::run(&mut cargo(&product))?;
    let target = paths::target();
    let mut pack = cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "photon-dist",
        "--",
    ]);
    pack.args(["packages", "--release", &args.release.to_string()]);
    pack.arg("--binary").arg(target.join("release/scx_photon"));
    pack.arg("--into").arg(target.join("dist"));
    if args.with_static {
        pack.arg("--static").arg(build_static()?);
    }
    shell::step("packing");
    shell::run(&mut pack)?;
    Ok(ExitCode::SUCCESS)
}

fn build_static() -> Result<PathBuf> {
    shell::step("building scx_photon (release, static)");
    let mut command = cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "scx_photon",
        "--features",
        "static",
        "--target",
        TARGET,
    ]);
    shell::run(command.env("RUSTFLAGS", STATIC_FLAGS))?;
    Ok(paths::target().join(TARGET).join("release/scx_photon"))
}
