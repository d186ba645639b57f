// SPDX-License-Identifier: GPL-2.0-only
//! Load in a process of its own. As threads of a game it would be work of the game: what wakes up there is frame work
//! for its first milliseconds, and a fork there stops all threads of the game for its page tables.

use crate::load::{Done, Load, Worker};
use crate::scenario::Fail;
use photon_bench::sys::sched::{Policy, cpus};
use std::io::{self, Read};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Threads that fork.
const STORMS: usize = 2;
/// Of the time of all CPUs, what hogs have had at least: far less than any game leaves them.
const LEAST_PERCENT: u64 = 10;

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

    /// Ends it. An error if there was no such load: what was measured beside it says nothing then.
    pub fn finish(mut self) -> Result<(), Fail> {
        self.input = None;
        match self.child.wait()? {
            ended if ended.success() => Ok(()),
            ended => Err(Fail::failed(format!(
                "the load beside it was none ({ended}); its own line above says why"
            ))),
        }
    }
}

impl Drop for Neighbour {
    /// A scenario that failed half way.
    fn drop(&mut self) {
        // The end of its input ends it.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The other process; its threads end with it.
pub fn run(what: &[&str]) -> ExitCode {
    let ended = match what {
        ["hogs", a_cpu, nice] => hogs(a_cpu, nice),
        ["storm"] => storm(),
        _ => Err(Fail::failed("hogs A_CPU NICE, or storm")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fail::Failed(why) | Fail::Skip(why)) => {
            eprintln!("neighbour: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Until the scenario closes the pipe.
fn wait_for_the_end() -> io::Result<()> {
    io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}

fn hogs(a_cpu: &str, nice: &str) -> Result<(), Fail> {
    let a_cpu: usize = a_cpu.parse().map_err(io::Error::other)?;
    let nice = nice.parse().map_err(io::Error::other)?;
    let hog = Worker::hog("hog").policy(Policy::Other { nice });
    let load = Load::start(&vec![hog; a_cpu * cpus()])?;
    wait_for_the_end()?;
    were_a_load(&load.finish()?, cpus() as u64)
}

fn were_a_load(hogs: &[Done], cpus: u64) -> Result<(), Fail> {
    let had_ns: u64 = hogs.iter().map(|hog| hog.cpu_ns).sum();
    let wall_ns = hogs.iter().map(|hog| hog.wall_ns).max().unwrap_or(0);
    match had_ns > 0 && had_ns * 100 >= wall_ns * cpus * LEAST_PERCENT {
        true => Ok(()),
        false => Err(Fail::failed(format!(
            "hogs had {had_ns} ns of {cpus} CPUs in {wall_ns} ns"
        ))),
    }
}

fn storm() -> Result<(), Fail> {
    let forks = Arc::new(AtomicU64::new(0));
    for _ in 0..STORMS {
        let forks = Arc::clone(&forks);
        let thread = std::thread::Builder::new().name("storm".into());
        thread.spawn(move || {
            loop {
                // SAFETY: the child makes one system call, and no status is asked for.
                let child = unsafe { libc::fork() };
                match child {
                    // SAFETY: it takes a number.
                    0 => unsafe { libc::_exit(0) },
                    // Refused: there may be room again.
                    -1 => continue,
                    _ => forks.fetch_add(1, Ordering::Relaxed),
                };
                // SAFETY: a child of this thread's; no status is asked for, so the pointer may be null.
                unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            }
        })?;
    }
    wait_for_the_end()?;
    match forks.load(Ordering::Relaxed) {
        0 => Err(Fail::failed("nothing could be forked")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hogs_that_never_ran_are_no_load() {
        let hog = |cpu_ns| Done {
            name: "hog",
            wall_ns: 1_000,
            cpu_ns,
            max_wait_ns: 0,
        };
        assert!(were_a_load(&[hog(400), hog(400)], 4).is_ok());
        assert!(were_a_load(&[hog(199), hog(200)], 4).is_err());
        assert!(were_a_load(&[], 4).is_err());
    }
}
