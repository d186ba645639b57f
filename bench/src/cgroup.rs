// SPDX-License-Identifier: GPL-2.0-only
//! A cgroup of its own for the game, as a container has. What was changed is undone on drop.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";
const CONTROL: &str = "/sys/fs/cgroup/cgroup.subtree_control";

#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    /// The cpu controller was off and this run turned it on.
    enabled_cpu: bool,
}

impl Cgroup {
    pub fn create(name: &str) -> Result<Self> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            bail!("'{name}' is not the name of a cgroup");
        }
        let controllers = fs::read_to_string(CONTROL)
            .with_context(|| format!("{ROOT} is not a cgroup2 file system"))?;
        let enabled_cpu = !controllers.split_whitespace().any(|c| c == "cpu");
        if enabled_cpu {
            fs::write(CONTROL, "+cpu").context("enable the cpu controller")?;
        }
        let cgroup = Self {
            path: Path::new(ROOT).join(name),
            enabled_cpu,
        };
        fs::create_dir(&cgroup.path)
            .with_context(|| format!("create {}", cgroup.path.display()))?;
        Ok(cgroup)
    }

    pub fn add(&self, pid: i32) -> Result<()> {
        let procs = self.path.join("cgroup.procs");
        fs::write(&procs, pid.to_string()).with_context(|| procs.display().to_string())
    }

    /// What this changed, for the report.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = vec![format!("created and removed {}", self.path.display())];
        if self.enabled_cpu {
            changes.push("enabled the cpu controller of the root cgroup for the run".to_string());
        }
        changes
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir(&self.path) {
            eprintln!("photon-bench: remove {}: {e}", self.path.display());
        }
        if self.enabled_cpu && fs::write(CONTROL, "-cpu").is_err() {
            eprintln!("photon-bench: could not disable the cpu controller again");
        }
    }
}
