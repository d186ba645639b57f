// SPDX-License-Identifier: GPL-2.0-only
//! The faults that are injected beside a load while the scheduler is attached. Each returns what it did, as a number:
//! a fault that did nothing proves nothing.

mod control;
mod daemon;
mod filters;
mod outside;
mod processes;
mod realtime;
mod threads;

use crate::photon::Photon;
use crate::scenario::Fail;

pub struct Fault {
    pub name: &'static str,
    pub run: fn(&Photon, Amount, Slack) -> Result<u64, Fail>,
    pub short: Amount,
    pub long: Amount,
    /// The longest that a task which may run anywhere may wait.
    pub limit_ms: u64,
    /// The longest that one bound to a CPU may.
    pub bound_limit_ms: u64,
}

impl Fault {
    /// For a task that may run anywhere; where there is one CPU, everybody is bound to it.
    pub fn free_limit_ms(&self, cpus: usize) -> u64 {
        match cpus {
            1 => self.bound_limit_ms,
            _ => self.limit_ms,
        }
    }
}

/// How much of it: milliseconds, or how many times.
pub type Amount = u64;

/// So many times as long as its limit may anything take.
pub type Slack = u32;
/// In virtual time, which knows nothing of what else the host does.
pub const NO_SLACK: Slack = 1;

/// No task waits longer beside anything that leaves the CPUs to ordinary tasks: the longest deadline, 80 ms, and
/// more than as much again, because a fault may well be overload.
const WAIT_MS: u64 = 200;
/// Beside a thread for each of 150 clients: a round of slices takes that long, and so do the deadlines of hogs.
const CROWD_WAIT_MS: u64 = 400;

const fn fault(
    name: &'static str,
    run: fn(&Photon, Amount, Slack) -> Result<u64, Fail>,
    short: Amount,
    long: Amount,
) -> Fault {
    Fault {
        name,
        run,
        short,
        long,
        limit_ms: WAIT_MS,
        bound_limit_ms: WAIT_MS,
    }
}

pub const FAULTS: &[Fault] = &[
    Fault {
        bound_limit_ms: realtime::HELD_MS + WAIT_MS,
        ..fault("fifo_one", realtime::fifo_one, 1000, 10_000)
    },
    Fault {
        limit_ms: realtime::HELD_MS + WAIT_MS,
        bound_limit_ms: realtime::HELD_MS + WAIT_MS,
        ..fault("fifo_all", realtime::fifo_all, 1000, 10_000)
    },
    fault("deadline", realtime::deadline, 600, 10_000),
    fault("affinity", threads::affinity, 800, 10_000),
    fault("policies", threads::policies, 600, 10_000),
    fault("from_outside", outside::running, 800, 10_000),
    fault("asks_anew", outside::waiting, 2000, 10_000),
    fault("flips", threads::flips, 1500, 10_000),
    fault("filters", filters::filters, 1500, 10_000),
    fault("threads", threads::come_and_go, 500, 10_000),
    fault("fork_bomb", processes::fork_bomb, 2000, 20_000),
    fault("exec_storm", processes::exec_storm, 60, 2000),
    fault("ptrace", processes::ptrace, 150, 2000),
    fault("stop_cont", processes::stop_and_continue, 200, 5000),
    fault("cgroups", control::cgroups, 150, 3000),
    fault("clock", control::clock_jumps, 100, 2000),
    fault("daemon_stopped", daemon::stopped, 2000, 60_000),
    Fault {
        limit_ms: CROWD_WAIT_MS,
        // Root alone may connect, and each takes two of the daemon's 1,024 descriptors.
        ..fault("socket", daemon::socket_flooded, 150, 400)
    },
    fault("socket_nobody", daemon::socket_refuses_nobody, 1, 1),
];
