// SPDX-License-Identifier: GPL-2.0-only
//! Running the scheduler on this very kernel.

use crate::artifacts::Artifacts;
use crate::shell;
use anyhow::{Result, anyhow};
use std::io::IsTerminal;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

pub fn possible() -> bool {
    Path::new("/sys/kernel/sched_ext").exists()
}

/// Becomes scx_photon, so that signals and the exit code are its own.
pub fn run(artifacts: &Artifacts, flags: &[String]) -> Result<ExitCode> {
    let program = &artifacts.scx_photon;
    let mut command = if shell::is_root() {
        Command::new(program)
    } else {
        let mut sudo = Command::new("sudo");
        // Without a terminal a password prompt would wait for ever.
        if !std::io::stdin().is_terminal() {
            sudo.arg("-n");
        }
        sudo.arg(program);
        sudo
    };
    shell::step(
        "running on this kernel; Ctrl-C stops it and the kernel's own scheduler takes over",
    );
    let error = command.args(flags).exec();
    Err(anyhow!("{}: {error}", shell::words(&command)))
}
