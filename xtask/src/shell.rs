// SPDX-License-Identifier: GPL-2.0-only
//! Running other programs, and saying so.

use anyhow::{Context, Result, bail};
use std::fmt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Marks an error as not the fault of what is tested: a package, a mirror, a kernel that does not boot.
#[derive(Debug)]
pub struct Infrastructure;

impl fmt::Display for Infrastructure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("infrastructure")
    }
}

pub fn infrastructure<T>(result: Result<T>) -> Result<T> {
    result.context(Infrastructure)
}

/// However much was said around it since.
pub fn is_infrastructure(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Infrastructure>().is_some()
}

/// One line before anything that takes longer than a second.
pub fn step(text: &str) {
    println!("==> {text}");
}

pub fn words(command: &Command) -> String {
    let mut all = vec![command.get_program().to_string_lossy().into_owned()];
    all.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    all.join(" ")
}

/// Runs it on our terminal.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| words(command))?;
    if !status.success() {
        bail!("`{}` failed: {status}", words(command));
    }
    Ok(())
}

/// What needs a mirror, which may be in the middle of an update of its own: once more after a while, and once again.
pub fn patiently(attempt: impl Fn() -> Result<()>) -> Result<()> {
    const PAUSES: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(60)];
    for pause in PAUSES {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(e) => step(&format!("{e:#}; once more in {} s", pause.as_secs())),
        }
        std::thread::sleep(pause);
    }
    attempt()
}

/// Runs it for its stdout. What it wrote to stderr becomes part of the error.
pub fn output(command: &mut Command) -> Result<String> {
    let out = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| words(command))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        bail!(
            "`{}` failed: {}: {}",
            words(command),
            out.status,
            said.trim()
        );
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

pub fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

pub fn is_root() -> bool {
    // The owner of our own process directory is our effective user.
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}
