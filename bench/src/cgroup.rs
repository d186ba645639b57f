// SPDX-License-Identifier: GPL-2.0-only
//! A cgroup of its own for the game, as a container has. What was changed is undone on drop.

use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";
/// In each cgroup: the controllers of those below it.
const CONTROL: &str = "cgroup.subtree_control";

/// The cpu controller, which was off and this run turned on.
#[derive(Debug)]
struct CpuController {
    control: PathBuf,
}

impl CpuController {
    /// None where it is on already.
    fn enable(root: &Path) -> Result<Option<Self>> {
        let control = root.join(CONTROL);
        let controllers = fs::read_to_string(&control)
            .with_context(|| format!("{} is not a cgroup2 file system", root.display()))?;
        if controllers.split_whitespace().any(|c| c == "cpu") {
            return Ok(None);
        }
        fs::write(&control, "+cpu").context("enable the cpu controller")?;
        Ok(Some(Self { control }))
    }
}

impl Drop for CpuController {
    fn drop(&mut self) {
        if fs::write(&self.control, "-cpu").is_err() {
            eprintln!("photon-bench: could not disable the cpu controller again");
        }
    }
}

#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
    /// Dropped after the directory is removed.
    cpu: Option<CpuController>,
}

impl Cgroup {
    pub fn create(name: &str) -> Result<Self> {
        Self::below(Path::new(ROOT), name)
    }

    fn below(root: &Path, name: &str) -> Result<Self> {
        if name.is_empty() || name.contains('/') || name.starts_with('.') {
            bail!("'{name}' is not the name of a cgroup");
        }
        let cpu = CpuController::enable(root)?;
        let path = root.join(name);
        // One that is there already is somebody else's: nothing of ours may remove it.
        fs::create_dir(&path).with_context(|| format!("create {}", path.display()))?;
        Ok(Self { path, cpu })
    }

    pub fn add(&self, pid: i32) -> Result<()> {
        let procs = self.path.join("cgroup.procs");
        fs::write(&procs, pid.to_string()).with_context(|| procs.display().to_string())
    }

    /// What this changed, for the report.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = vec![format!("created and removed {}", self.path.display())];
        if self.cpu.is_some() {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that looks like the root of a cgroup2 file system with these controllers.
    fn root(name: &str, controllers: &str) -> PathBuf {
        let root = std::env::temp_dir().join(format!("photon-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir(&root).unwrap();
        fs::write(root.join(CONTROL), controllers).unwrap();
        root
    }

    fn control(root: &Path) -> String {
        fs::read_to_string(root.join(CONTROL)).unwrap()
    }

    #[test]
    fn a_cgroup_of_somebody_else_stays() {
        let root = root("theirs", "memory pids");
        fs::create_dir(root.join("game")).unwrap();
        let error = Cgroup::below(&root, "game").unwrap_err();
        assert!(format!("{error:#}").contains("create"), "{error:#}");
        assert!(root.join("game").exists());
        assert_eq!(control(&root), "-cpu", "what was turned on is off again");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn what_was_changed_is_undone() {
        let root = root("ours", "memory cpu");
        let cgroup = Cgroup::below(&root, "game").unwrap();
        assert!(root.join("game").exists());
        assert_eq!(cgroup.changes().len(), 1);
        drop(cgroup);
        assert!(!root.join("game").exists());
        assert_eq!(control(&root), "memory cpu");
        fs::write(root.join(CONTROL), "memory").unwrap();
        let cgroup = Cgroup::below(&root, "game").unwrap();
        assert_eq!(cgroup.changes().len(), 2);
        assert_eq!(control(&root), "+cpu");
        drop(cgroup);
        assert_eq!(control(&root), "-cpu");
        fs::remove_dir_all(root).unwrap();
    }
}
