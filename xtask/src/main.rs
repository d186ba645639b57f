// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask`: the one command a contributor needs. It runs the scheduler, here or in a virtual machine, and it
//! runs every test there is.

mod acpi;
mod apt;
mod archive;
mod artifacts;
mod bench;
mod c2c;
mod cpio;
mod debian_root;
mod demo;
mod demo_table;
mod deps;
mod dist;
#[allow(dead_code)] // `send` is the guest's
#[path = "../../tests/vm/src/protocol.rs"]
mod guest;
mod initramfs;
mod jobs;
mod kernel;
mod kernel_build;
mod kernel_name;
mod leftovers;
mod lint;
mod marks;
mod matrix;
mod matrix_table;
mod modules;
mod native;
mod paths;
mod picture;
mod policy;
mod pool;
mod qemu;
mod qemu_package;
mod qmp;
mod session;
mod shell;
mod soak;
mod space;
mod spec;
mod systemd;
mod tally;
mod terminal_svg;
mod test_command;
mod twins;
mod vm;
mod vm_command;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// EX_UNAVAILABLE of sysexits.h: not a test's fault, and never a pass.
const EXIT_INFRASTRUCTURE: u8 = 69;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs and tests scx_photon")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build and run: on this kernel if it has sched_ext, else in a VM beside EEVDF
    Run(demo::Args),
    /// Run the tests (not soak, matrix, systemd, vm -- player_bench); the last line says `N passed, N failed`
    Test(test_command::Args),
    /// Compare the frames of schedulers: repeated, paired runs in virtual time
    Bench(Box<bench::Args>),
    /// Every kernel series of Debian's: does it attach, see input, and what is missing there
    Matrix(matrix::Args),
    /// Draw the README's picture of `scx_photon top`: a game beside hogs, recorded in a virtual machine
    Picture(picture::Args),
    /// Build a kernel of a series that Debian ships without sched_ext, for `--kernel` (once; not part of any test run)
    Kernel(kernel_build::Args),
    /// For hours: a game, backgrounds and faults at random, on CPUs that truly run in parallel
    Soak(soak::Args),
    /// The quick part of `test`: formats, lints, unit tests
    Check,
    /// Run one scenario in a VM
    Vm(vm_command::Args),
    /// Which cache lines the scheduler's programs fight over (needs perf, root and memory sampling; else exit code 69)
    C2c(c2c::Args),
    /// Compile and run the native tests of the policy headers
    Policy,
    /// Make packages: .deb, .rpm and, with --static, an archive
    Dist(dist::Args),
    /// Install, boot, upgrade and purge the packages under systemd in a VM
    Systemd(systemd::Args),
    /// Build everything that is shipped or tested, optimised
    Build,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(args) => demo::run(&args),
        Command::Test(args) => test_command::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Picture(args) => picture::run(&args),
        Command::Kernel(args) => kernel_build::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Check => test_command::check(),
        Command::Vm(args) => vm_command::run(&args),
        Command::C2c(args) => c2c::run(&args),
        Command::Policy => test_command::policy_only(),
        Command::Dist(args) => dist::run(&args),
        Command::Systemd(args) => systemd::run(&args),
        Command::Build => build(),
    };
    match outcome {
        Ok(code) => code,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            if shell::is_infrastructure(&e) {
                return ExitCode::from(EXIT_INFRASTRUCTURE);
            }
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<ExitCode> {
    deps::ensure_build()?;
    let built = artifacts::build(artifacts::Variants::Product)?;
    shell::step(&format!("built {}", built.scx_photon.display()));
    Ok(ExitCode::SUCCESS)
}
