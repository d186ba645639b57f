// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon assets DIR`: man pages and completions, made from the command line itself. For whoever packages it.

use std::path::Path;

use anyhow::{Context, Result};
use clap_complete::aot::{Bash, Fish, Zsh, generate_to};

use crate::cli;

const NAME: &str = "scx_photon";

pub fn write(dir: &Path) -> Result<()> {
    let mut command = cli::documented();
    clap_mangen::generate_to(command.clone(), dir).with_context(|| dir.display().to_string())?;
    generate_to(Bash, &mut command, NAME, dir)?;
    generate_to(Zsh, &mut command, NAME, dir)?;
    generate_to(Fish, &mut command, NAME, dir)?;
    Ok(())
}
