// SPDX-License-Identifier: GPL-2.0-only
//! Processes as /proc shows them to everybody: name, parent, user, command line,
//! cgroup. Never `exe`, `environ` or descriptors, which need privileges that the
//! daemon has not.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use procfs::process::Process;

use super::tree::Proc;
use crate::printable::printable;

/// Desktop entries of the system: only root writes them.
const ENTRY_DIRS: &[&str] = &[
    "/usr/share/applications",
    "/usr/local/share/applications",
    "/var/lib/flatpak/exports/share/applications",
    "/var/lib/snapd/desktop/applications",
    "/run/current-system/sw/share/applications", // NixOS
];
/// Longer command lines are cut: what is looked for stands at the front.
const ARGS_MAX: usize = 64;
const ARGS_BYTES_MAX: u64 = 4096;
/// Desktop entries remembered; more than any desktop has.
const CATEGORIES_MAX: usize = 4096;

/// What was read of a process, for as long as it is the same one.
struct Known {
    started: u64,
    proc: Proc,
}

/// All processes, read again only where they may have changed.
#[derive(Default)]
pub struct Processes {
    known: HashMap<u32, Known>,
    categories: HashMap<String, String>,
}

impl Processes {
    /// Of this process nothing is known any more: it runs another program.
    pub fn forget(&mut self, pid: u32) {
        self.known.remove(&pid);
    }

    /// A snapshot. Who comes or goes meanwhile is in the next one.
    pub fn read(&mut self) -> Vec<Proc> {
        let Ok(all) = procfs::process::all_processes() else {
            return Vec::new();
        };
        let mut known = HashMap::new();
        for process in all.flatten() {
            let pid = process.pid() as u32;
            let Ok(stat) = process.stat() else { continue };
            let comm = printable(&stat.comm);
            let old = self.known.remove(&pid);
            let same = |k: &Known| k.started == stat.starttime && k.proc.comm == comm;
            let proc = match old.filter(same) {
                Some(old) => Some(Proc {
                    parent: stat.ppid as u32,
                    ..old.proc
                }),
                None => self.fresh(&process, stat.ppid as u32, comm),
            };
            if let Some(proc) = proc {
                let started = stat.starttime;
                known.insert(pid, Known { started, proc });
            }
        }
        self.known = known;
        self.known.values().map(|k| k.proc.clone()).collect()
    }

    /// None if it has ended since, or is a kernel thread.
    fn fresh(&mut self, process: &Process, parent: u32, comm: String) -> Option<Proc> {
        /// The kernel's own threads are children of this one.
        const KTHREADD: u32 = 2;
        if parent == KTHREADD {
            return None;
        }
        let args = arguments(process).ok()?;
        let groups = process.cgroups().ok()?;
        let unified = groups.0.into_iter().find(|g| g.hierarchy == 0);
        let cgroup = unified.map_or_else(String::new, |g| printable(&g.pathname));
        Some(Proc {
            pid: process.pid() as u32,
            parent,
            uid: process.uid().ok()?,
            comm,
            args,
            categories: self.categories_of(&cgroup),
            cgroup,
            ..Proc::default()
        })
    }

    fn categories_of(&mut self, cgroup: &str) -> String {
        let Some(id) = desktop_id(cgroup) else {
            return String::new();
        };
        let look = || ENTRY_DIRS.iter().find_map(|dir| entry(Path::new(dir), &id));
        // Anybody may make cgroups of any name.
        if self.categories.len() >= CATEGORIES_MAX {
            self.categories.clear();
        }
        let found = self.categories.entry(id.clone());
        found.or_insert_with(|| look().unwrap_or_default()).clone()
    }
}

/// The first of its arguments. The whole of them may be megabytes, and as many times as somebody likes to fork.
fn arguments(process: &Process) -> Result<Vec<String>, procfs::ProcError> {
    let mut bytes = Vec::new();
    let file = process.open_relative("cmdline")?;
    file.take(ARGS_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let args = text.split_terminator('\0').take(ARGS_MAX);
    Ok(args.map(printable).collect())
}

/// The desktop entry that a unit of systemd's convention for desktops was made for:
/// `app[-LAUNCHER]-ID-RANDOM.scope` or `app[-LAUNCHER]-ID@RANDOM.service`.
fn desktop_id(cgroup: &str) -> Option<String> {
    let units = cgroup.rsplit('/');
    let unit = units.into_iter().find(|u| u.starts_with("app-"))?;
    let name = match unit.strip_suffix(".scope") {
        Some(scope) => scope.rsplit_once('-')?.0,
        None => {
            let service = unit.strip_suffix(".service")?;
            service.split_once('@').map_or(service, |(id, _)| id)
        }
    };
    let id = name.rsplit('-').next()?;
    let safe = !id.is_empty() && !id.contains('/');
    safe.then(|| id.replace("\\x2d", "-"))
}

fn entry(dir: &Path, id: &str) -> Option<String> {
    let file: PathBuf = dir.join(format!("{id}.desktop"));
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("Categories="));
    line.map(|l| l.trim().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn desktop_ids() {
        let id = |unit: &str| desktop_id(&format!("/user.slice/app.slice/{unit}"));
        assert_eq!(
            id("app-gnome-supertuxkart-2100.scope").as_deref(),
            Some("supertuxkart")
        );
        assert_eq!(
            id("app-flatpak-net.lutris.Lutris-99.scope").as_deref(),
            Some("net.lutris.Lutris")
        );
        assert_eq!(
            id("app-org.kde.konsole-77.scope").as_deref(),
            Some("org.kde.konsole")
        );
        assert_eq!(id("app-my\\x2dgame@7.service").as_deref(), Some("my-game"));
        assert_eq!(id("session-3.scope"), None);
        assert_eq!(
            id("app-..-1.scope").as_deref(),
            Some(".."),
            "a name, never a path"
        );
    }

    #[test]
    fn this_process_is_among_all() {
        let mut processes = Processes::default();
        let all = processes.read();
        let me = all.iter().find(|p| p.pid == std::process::id());
        assert!(me.is_some_and(|p| !p.args.is_empty()));
        // Known by then, and not read anew.
        let again = processes.read();
        assert_eq!(again.iter().find(|p| p.pid == std::process::id()), me);
    }
}
