// SPDX-License-Identifier: GPL-2.0-only
//! Load in a process of its own. As threads of a game it would be work of the game: what wakes up there is frame work
//! for its first milliseconds, and a fork there stops all threads of the game for its page tables.

use crate::load::{Load, Policy, Worker, cpus};
use std::io::{self, Read};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};

/// Threads that fork.
const STORMS: usize = 2;

pub struct Neighbour {
    child: Child,
    input: Option<ChildStdin>,
}

impl Neighbour {
    /// So many hogs a CPU.
    pub fn hogs(a_cpu: usize, nice: i32) -> io::Result<Self> {
        Self::start(&["hogs", &a_cpu.to_string(), &nice.to_string()])
    }

    /// Children that end at once, as fast as they can be forked.
    pub fn fork_storm() -> io::Result<Self> {
        Self::start(&["storm"])
    }

    fn start(what: &[&str]) -> io::Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .arg("neighbour")
            .args(what)
            .stdin(Stdio::piped())
            .spawn()?;
        Ok(Neighbour {
            input: child.stdin.take(),
            child,
        })
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The other process; its threads end with it.
pub fn run(what: &[&str]) -> ExitCode {
    let begun = match what {
        ["hogs", a_cpu, nice] => hogs(a_cpu, nice).map(Some),
        ["storm"] => storm().map(|()| None),
        _ => Err(io::Error::other("hogs A_CPU NICE, or storm")),
    };
    let ended = begun.and_then(|_load| io::stdin().read_to_end(&mut Vec::new()));
    match ended {
        Ok(_) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("neighbour: {e}");
            ExitCode::FAILURE
        }
    }
}

fn hogs(a_cpu: &str, nice: &str) -> io::Result<Load> {
    let a_cpu: usize = a_cpu.parse().map_err(io::Error::other)?;
    let nice = nice.parse().map_err(io::Error::other)?;
    let hog = Worker::hog("hog").policy(Policy::Nice(nice));
    Load::start(&vec![hog; a_cpu * cpus()])
}

fn storm() -> io::Result<()> {
    for _ in 0..STORMS {
        let thread = std::thread::Builder::new().name("storm".into());
        thread.spawn(|| {
            loop {
                // SAFETY: the child makes one system call, and no status is asked for.
                unsafe {
                    match libc::fork() {
                        0 => libc::_exit(0),
                        child => libc::waitpid(child, std::ptr::null_mut(), 0),
                    };
                }
            }
        })?;
    }
    Ok(())
}
