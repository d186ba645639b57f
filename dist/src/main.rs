// SPDX-License-Identifier: GPL-2.0-only
//! `photon-dist`: packages from a built scx_photon. `cargo xtask dist` builds and calls it; package
//! scripts of distributions call `photon-dist tree`.

mod assets;
mod debian;
mod elf;
mod notices;
mod redhat;
mod source;
mod tarball;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use tree::{Flavour, Tree};

/// Packages of scx_photon from a built binary
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// .deb, .rpm and, with a static binary, an archive for systems without packages
    Packages {
        /// The built scx_photon
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        /// A static one, for the archive
        #[arg(long = "static", value_name = "FILE")]
        static_binary: Option<PathBuf>,
        /// Of the packaging: to be raised when it changes and the program does not
        #[arg(long, value_name = "N", default_value = "1")]
        release: String,
        /// Where the packages go
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
    /// The installed files of one distribution's layout, below a directory
    Tree {
        /// The built scx_photon
        #[arg(long, value_name = "FILE")]
        binary: PathBuf,
        /// Whose layout
        #[arg(long, value_enum)]
        flavour: Flavour,
        /// The directory that is / of the package
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("photon-dist: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    match command {
        Command::Tree {
            binary,
            flavour,
            into,
        } => Tree::of(binary, *flavour)?.write(into),
        Command::Packages {
            binary,
            static_binary,
            release,
            into,
        } => {
            std::fs::create_dir_all(into).with_context(|| into.display().to_string())?;
            let deb = Tree::of(binary, Flavour::Debian)?;
            save(
                into,
                &debian::file_name(release),
                &debian::package(&deb, release)?,
            )?;
            let rpm = Tree::of(binary, Flavour::Redhat)?;
            save(
                into,
                &redhat::file_name(release),
                &redhat::package(&rpm, release)?,
            )?;
            if let Some(binary) = static_binary {
                let archive = Tree::of(binary, Flavour::Local)?;
                save(into, &tarball::file_name(), &tarball::archive(&archive)?)?;
            }
            Ok(())
        }
    }
}

fn save(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let file = dir.join(name);
    std::fs::write(&file, bytes).with_context(|| file.display().to_string())?;
    println!("{:>9} bytes  {}", bytes.len(), file.display());
    Ok(())
}

#[cfg(test)]
mod tests;
