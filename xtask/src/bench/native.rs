// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench native`: the pieces of the kernel part on this machine's own kernel, by its test-run facility.

use crate::artifacts::cargo;
use crate::{deps, paths, shell};
use anyhow::Result;
use std::process::{Command, ExitCode};

#[derive(clap::Args)]
pub struct Args {
    /// For photon-native: --rounds N, --litmus
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// Its exit code is ours: 69 where nothing can be measured (no root, no BPF, one CPU).
pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure()?;
    shell::step("building photon-native (release)");
    shell::run(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "photon-native",
    ]))?;
    let program = paths::target().join("release/photon-native");
    shell::step(&format!("{}", program.display()));
    let status = Command::new(program).args(&args.flags).status()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
