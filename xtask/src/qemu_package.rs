// SPDX-License-Identifier: GPL-2.0-only
//! An emulator that is new enough: the system's own, or one unpacked into the cache and run from there.

use crate::apt::Apt;
use crate::archive::{self, System};
use crate::{kernel, paths, shell};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

const PROGRAM: &str = "qemu-system-x86_64";
const PACKAGE: &str = "qemu-system-x86";
/// From here on virtual time gives every virtual CPU its share of each round (`icount_percpu_budget`).
const OLDEST: (u32, u32) = (8, 1);
/// Ends the emulator with us, however we end: an emulated CPU nobody listens to would spin for ever.
const WRAPPER: &[&str] = &["setpriv", "--pdeathsig", "KILL"];
/// Where Debian and Ubuntu put firmware: the emulator's own, and the BIOS it boots with.
const DATA_DIRS: &[&str] = &["usr/share/qemu", "usr/share/seabios"];
const LIBRARY_DIRS: &[&str] = &[
    "usr/lib/x86_64-linux-gnu",
    "lib/x86_64-linux-gnu",
    "usr/lib/x86_64-linux-gnu/pulseaudio",
];

/// How to start the emulator.
pub struct Qemu {
    program: PathBuf,
    /// The root of the unpacked packages, if it is not the system's.
    unpacked: Option<PathBuf>,
}

impl Qemu {
    pub fn find() -> Result<Qemu> {
        if let Ok(text) = shell::output(Command::new(PROGRAM).arg("--version"))
            && parse_version(&text).is_some_and(|v| v >= OLDEST)
        {
            return Ok(Qemu {
                program: PROGRAM.into(),
                unpacked: None,
            });
        }
        fetch()
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if shell::found(WRAPPER[0]) {
            command = Command::new(WRAPPER[0]);
            command.args(&WRAPPER[1..]).arg(&self.program);
        }
        if let Some(root) = &self.unpacked {
            let libraries: Vec<PathBuf> = LIBRARY_DIRS.iter().map(|dir| root.join(dir)).collect();
            if let Ok(path) = std::env::join_paths(libraries) {
                command.env("LD_LIBRARY_PATH", path);
            }
            command.env(
                "QEMU_MODULE_DIR",
                root.join("usr/lib/x86_64-linux-gnu/qemu"),
            );
            for dir in DATA_DIRS {
                command.arg("-L").arg(root.join(dir));
            }
        }
        command
    }

    pub fn version(&self) -> Result<String> {
        let text = shell::output(self.command().arg("--version"))?;
        let (major, minor) =
            parse_version(&text).with_context(|| format!("no version in: {text}"))?;
        Ok(format!("{major}.{minor}"))
    }
}

/// `QEMU emulator version 10.0.2 (Debian ...)`
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let version = text.split_once("version ")?.1;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

fn fetch() -> Result<Qemu> {
    let root = paths::cache("qemu")?;
    let program = root.join("usr/bin").join(PROGRAM);
    let qemu = Qemu {
        program,
        unpacked: Some(root.clone()),
    };
    if root.join("complete").exists() && qemu.version().is_ok() {
        return Ok(qemu);
    }
    let system = System::detect();
    if !system.uses_apt() {
        bail!(
            "QEMU {}.{} or newer is needed; install it (Fedora: qemu-system-x86, Arch: qemu-system-x86)",
            OLDEST.0,
            OLDEST.1
        );
    }
    let archive = archive::own(&system)?;
    let suites = ["", "-updates", "-backports"].map(|part| format!("{}{part}", system.codename));
    let apt = Apt::open(paths::cache("apt/host")?, &archive, &suites)?;
    let versions = apt.versions(PACKAGE)?;
    let suite = new_enough(&versions, &system.codename).with_context(|| {
        format!(
            "{} has no {PACKAGE} of at least {}.{}",
            system.codename, OLDEST.0, OLDEST.1
        )
    })?;
    shell::step(&format!(
        "fetching an emulator from {suite} into {}",
        root.display()
    ));
    let debs = apt.download_with_dependencies(PACKAGE, &suite)?;
    shell::step(&format!(
        "unpacking {} packages (the system is left as it is)",
        debs.len()
    ));
    for deb in debs {
        kernel::unpack(&deb, &root)?;
    }
    std::fs::write(root.join("complete"), "")?;
    let version = qemu
        .version()
        .context("the fetched emulator does not run")?;
    shell::step(&format!("QEMU {version} is ready"));
    Ok(qemu)
}

/// The most ordinary suite that has a version we can use.
fn new_enough(versions: &[(String, String)], codename: &str) -> Option<String> {
    let good = |version: &str| {
        let upstream = version.split_once(':').map_or(version, |(_, v)| v);
        parse_version(&format!("version {upstream}")).is_some_and(|v| v >= OLDEST)
    };
    let mut suites: Vec<&String> = versions
        .iter()
        .filter(|(v, _)| good(v))
        .map(|(_, s)| s)
        .collect();
    suites.sort_by_key(|suite| (suite.as_str() != codename, suite.as_str()));
    suites.first().map(|s| s.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_parse() {
        assert_eq!(
            parse_version("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\n"),
            Some((10, 0))
        );
        assert_eq!(parse_version("QEMU emulator version 7.2.0"), Some((7, 2)));
        assert_eq!(parse_version("no"), None);
    }

    #[test]
    fn backports_only_when_needed() {
        let pair = |v: &str, s: &str| (v.to_string(), s.to_string());
        let old = [
            pair("1:10.0.2+ds-2~bpo12+1", "bookworm-backports"),
            pair("1:7.2+dfsg-7", "bookworm"),
        ];
        assert_eq!(
            new_enough(&old, "bookworm").as_deref(),
            Some("bookworm-backports")
        );
        let new = [
            pair("1:11.1.3+ds-1~bpo13+1", "trixie-backports"),
            pair("1:10.0.13+ds-0", "trixie"),
        ];
        assert_eq!(new_enough(&new, "trixie").as_deref(), Some("trixie"));
        assert_eq!(new_enough(&old[1..], "bookworm"), None);
    }
}
