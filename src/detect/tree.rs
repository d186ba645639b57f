// SPDX-License-Identifier: GPL-2.0-only
//! What is known of a process: what every process may read of every other
//! without privileges, and what the kernel part has measured.

use std::cell::RefCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::home::Home;

/// One process. A recorded tree is a list of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proc {
    pub pid: u32,
    pub parent: u32,
    #[serde(default)]
    pub uid: u32,
    /// Its name, at most 15 bytes.
    pub comm: String,
    #[serde(default)]
    pub args: Vec<String>,
    /// Path in the unified hierarchy.
    #[serde(default)]
    pub cgroup: String,
    /// Of its desktop entry, if its cgroup names one: `Game;ActionGame;`.
    #[serde(default)]
    pub categories: String,
    #[serde(default)]
    pub seen: Seen,
}

/// Measured by the kernel part. All zero without its probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seen {
    /// GPU fences it has made, a second.
    pub submits: f64,
    /// Reached by an input or display chain in the last seconds.
    pub faces: bool,
    /// It has asked for this itself, through the socket.
    pub registered: bool,
}

impl Proc {
    /// The program's file name as the command line has it, lower case: of
    /// `C:\Games\Foo.EXE` it is `foo.exe`.
    pub fn program(&self) -> String {
        let first = self.args.first().map_or(self.comm.as_str(), String::as_str);
        let name = first.rsplit(['/', '\\']).next().unwrap_or(first);
        name.to_lowercase()
    }

    /// Is this one of its arguments?
    pub fn has_arg(&self, arg: &str) -> bool {
        self.args.iter().any(|a| a == arg)
    }

    /// Is this a part of one of its arguments?
    pub fn mentions(&self, part: &str) -> bool {
        self.args.iter().any(|a| a.contains(part))
    }
}

/// Processes by parent.
pub struct Tree<'a> {
    by_pid: HashMap<u32, &'a Proc>,
    /// Which processes are starting points of games, as far as anybody has asked.
    points: RefCell<HashMap<u32, Option<Home>>>,
}

impl<'a> Tree<'a> {
    pub fn new(procs: &'a [Proc]) -> Self {
        let by_pid = procs.iter().map(|p| (p.pid, p)).collect();
        let points = RefCell::default();
        Tree { by_pid, points }
    }

    /// Not by a search: anybody may start thousands of processes.
    pub fn get(&self, pid: u32) -> Option<&'a Proc> {
        self.by_pid.get(&pid).copied()
    }

    /// Once a process: below a long chain each of them is asked for by all others.
    pub fn point(&self, proc: &Proc, find: impl Fn(&Proc) -> Option<Home>) -> Option<Home> {
        let mut points = self.points.borrow_mut();
        let known = points.entry(proc.pid).or_insert_with(|| find(proc));
        known.clone()
    }

    /// From the parent upwards. Ends, whatever a snapshot that was taken while
    /// processes came and went says of parents.
    pub fn ancestors(&self, proc: &Proc) -> Vec<&'a Proc> {
        /// Deeper trees have not been seen; Proton's have 12 levels.
        const DEPTH_MAX: usize = 64;
        let mut up = Vec::new();
        let mut pid = proc.parent;
        while let Some(parent) = self.get(pid) {
            up.push(parent);
            pid = parent.parent;
            if up.len() == DEPTH_MAX {
                break;
            }
        }
        up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_both_worlds() {
        let of = |arg: &str| {
            let p = Proc {
                args: vec![arg.into()],
                ..Proc::default()
            };
            p.program()
        };
        assert_eq!(of("Z:\\home\\me\\Game.EXE"), "game.exe");
        assert_eq!(of("/usr/games/supertuxkart"), "supertuxkart");
        assert_eq!(of("./hl2_linux"), "hl2_linux");
    }

    #[test]
    fn a_loop_of_parents_ends() {
        let a = Proc {
            pid: 1,
            parent: 2,
            ..Proc::default()
        };
        let b = Proc {
            pid: 2,
            parent: 1,
            ..Proc::default()
        };
        let procs = [a, b];
        let tree = Tree::new(&procs);
        assert_eq!(tree.ancestors(&procs[0]).len(), 64);
    }
}
