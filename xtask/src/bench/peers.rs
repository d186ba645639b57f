// SPDX-License-Identifier: GPL-2.0-only
//! The other schedulers, as their authors publish them: one table of pinned versions, installed on first use.

use crate::{artifacts, paths, shell};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

pub struct Peer {
    /// In the names of crate, program and registered operations.
    pub name: &'static str,
    pub version: &'static str,
    /// What scx_loader starts it with in its gaming mode, where that differs from the defaults.
    pub gaming: &'static [&'static str],
}

const fn peer(name: &'static str, version: &'static str, gaming: &'static [&'static str]) -> Peer {
    Peer {
        name,
        version,
        gaming,
    }
}

pub const PEERS: &[Peer] = &[
    peer("bpfland", "1.1.4", &["-m", "all"]),
    peer(
        "lavd",
        "1.1.4",
        &["--performance", "--pinned-slice-us", "500"],
    ),
    peer("cosmos", "1.1.7", &["-s", "700"]),
    peer("cake", "1.2.2", &[]),
    peer("flash", "1.1.4", &[]),
    peer("beerland", "1.1.4", &[]),
    peer("pandemonium", "5.23.1", &[]),
    peer(
        "p2dq",
        "1.1.4",
        &["--task-slice", "true", "-f", "--sched-mode", "performance"],
    ),
    peer("mlfq", "1.3.12", &[]),
    peer("forge", "1.1.3", &[]),
];

pub fn find(name: &str) -> Option<&'static Peer> {
    PEERS.iter().find(|p| p.name == name)
}

impl Peer {
    /// The program; built by cargo, with the lock file its author published, unless that version is there.
    pub fn obtain(&self) -> Result<PathBuf> {
        let root = paths::target().join("peers").join(self.name);
        let program = root.join("bin").join(format!("scx_{}", self.name));
        let stamp = root.join("version");
        if program.exists() && std::fs::read_to_string(&stamp).is_ok_and(|v| v == self.version) {
            return Ok(program);
        }
        let package = format!("scx_{}@{}", self.name, self.version);
        shell::step(&format!(
            "installing {package} for comparison; takes minutes, once"
        ));
        let mut install =
            artifacts::cargo(&["install", "--quiet", "--locked", "--force", "--root"]);
        install.arg(&root).arg(&package);
        // Shared, because the peers have most of their dependencies in common.
        install.env("CARGO_TARGET_DIR", paths::target().join("peers/build"));
        // Cargo has said why; reports are published, and its command line is full of this machine's paths.
        if shell::run(&mut install).is_err() {
            bail!("`cargo install --locked {package}` failed");
        }
        std::fs::write(&stamp, self.version).with_context(|| stamp.display().to_string())?;
        Ok(program)
    }
}
