// SPDX-License-Identifier: GPL-2.0-only
//! Why a frame took so long. On the way from its end back to its source (path.rs) a thread of the game ran, waited for
//! a CPU, or slept until something outside woke it; what grew most over the usual frame is the cause.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bpf::intf;
use crate::why::frames::Frame;
use crate::why::path::{End, Path, longest, total};
use crate::why::record::{Kind, Record};

/// What a part of the time must have grown by, as a share of what the frame lost,
/// to be called its cause.
const SHARE_PERCENT: u64 = 40;
const NS_PER_US: u64 = 1000;
const NS_PER_MS: u64 = 1_000_000;
/// Task states (include/linux/sched.h; the low bits have not moved since 2.6).
const TASK_UNINTERRUPTIBLE: u32 = 2;
const TASK_STOPPED_OR_TRACED: u32 = 4 | 8;

/// Who was on the CPU that a thread waited for.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Behind {
    /// A real-time task, which no scheduler of this kind may preempt.
    RealTime,
    /// The game's own threads.
    Itself,
    /// A frame or input thread of somebody else.
    OtherFrame,
    /// A kernel thread bound to the CPU.
    Kernel,
    /// Whoever was there: the thread may run on one CPU only.
    Pinned,
    /// Ordinary work, because the thread had used up its frame budget.
    Budget,
    /// Ordinary work, or nothing at all: this is scx_photon's own doing.
    Scheduler,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Asleep {
    /// Stopped by a signal or a debugger.
    Stopped,
    /// In wait for a disk.
    Disk,
    /// Uninterruptible: a driver, memory, a page fault.
    Driver,
    /// GPU, lock, timer, network: anything that a sleeper waits for.
    Other,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A thread was kept from a CPU.
    Waited { behind: Behind, wait: Wait },
    /// The game computed longer than usual.
    Ran { thread: String, pid: u32, ms: u64 },
    /// It needed more CPUs than there are.
    Crowded { threads: usize, cpus: usize },
    /// All slept.
    Slept {
        why: Asleep,
        thread: String,
        pid: u32,
    },
}

/// One wait of a thread for a CPU.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Wait {
    pub thread: String,
    pub pid: u32,
    pub us: u64,
    pub cpu: u16,
    /// Name and number of the task that ran there, if one did.
    pub other: String,
    pub other_pid: u32,
    /// It had lost its CPU, as opposed to woken up.
    pub again: bool,
    /// The other had the CPU for less than half of it.
    #[serde(default)]
    pub and_others: bool,
}

/// How the way from the frame's end to its source was spent, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub ran: u64,
    pub waited: u64,
    pub slept: u64,
}

/// The records that touch a frame.
pub struct Scene<'a> {
    pub frame: Frame,
    pub tgid: u32,
    pub end: End,
    pub records: Vec<&'a Record>,
    pub cpus: usize,
}

impl<'a> Scene<'a> {
    pub fn new(
        records: impl Iterator<Item = &'a Record>,
        frame: Frame,
        (tgid, end): (u32, End),
        cpus: usize,
    ) -> Self {
        let span = frame.span();
        let touches = |r: &&Record| r.at > span.0 && r.from < span.1;
        Scene {
            frame,
            tgid,
            end,
            records: records.filter(touches).collect(),
            cpus,
        }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &&'a Record> {
        let ours = move |r: &&&Record| r.kind == kind && r.tgid == self.tgid;
        self.records.iter().filter(ours)
    }

    fn path(&self) -> Path<'a> {
        let ours = |r: &&&'a Record| r.tgid == self.tgid;
        let ours: Vec<&Record> = self.records.iter().filter(ours).copied().collect();
        Path::of(&ours, self.end, self.frame)
    }

    pub fn split(&self) -> Split {
        split(&self.path())
    }

    /// The longest waits, longest first; of other processes too if `all`.
    pub fn waits(&self, all: bool) -> Vec<&'a Record> {
        let ours = |r: &&Record| r.kind == Kind::Wait && (all || r.tgid == self.tgid);
        let mut waits: Vec<&Record> = self.records.iter().copied().filter(ours).collect();
        waits.sort_by_key(|w| std::cmp::Reverse(w.at - w.from));
        waits
    }

    /// The cause, by what the frame lost against the usual.
    pub fn cause(&self, usual: &Split, lost: u64) -> Cause {
        let path = self.path();
        let split = split(&path);
        let enough = lost * SHARE_PERCENT / 100;
        if split.waited.saturating_sub(usual.waited) >= enough
            && let Some(wait) = longest(&path.waited)
        {
            return self.waited(wait);
        }
        if split.ran.saturating_sub(usual.ran) >= enough
            && let Some(turn) = longest(&path.ran)
        {
            return Cause::Ran {
                thread: turn.comm.clone(),
                pid: turn.pid,
                ms: turn.used / NS_PER_MS,
            };
        }
        // Another process that the game waits for may be the one without a CPU.
        if let Some(wait) = self.waits(true).first()
            && wait.at - wait.from >= enough
        {
            return self.waited(wait);
        }
        let last = longest(&path.slept);
        Cause::Slept {
            why: last.map_or(Asleep::Other, asleep),
            thread: last.map_or_else(String::new, |t| t.comm.clone()),
            pid: last.map_or(0, |t| t.pid),
        }
    }

    /// A wait that ended elsewhere, because the thread was taken from behind a
    /// real-time task, is blamed on that task.
    fn waited(&self, wait: &Record) -> Cause {
        let moved = self.records.iter().find(|m| {
            m.kind == Kind::Wait
                && m.pid == wait.pid
                && m.has(intf::why_flags_WHY_MOVED)
                && (wait.from..=wait.at).contains(&m.at)
        });
        let to_blame = moved.copied().unwrap_or(wait);
        let behind = self.behind(to_blame);
        let own: BTreeSet<u32> = self.of(Kind::Turn).map(|t| t.pid).collect();
        if behind == Behind::Itself && own.len() > self.cpus {
            return Cause::Crowded {
                threads: own.len(),
                cpus: self.cpus,
            };
        }
        Cause::Waited {
            behind,
            wait: Wait {
                us: (wait.at - wait.from) / NS_PER_US,
                ..Wait::of(to_blame)
            },
        }
    }

    fn behind(&self, wait: &Record) -> Behind {
        if wait.has(intf::why_flags_WHY_OTHER_RT | intf::why_flags_WHY_MOVED) {
            return Behind::RealTime;
        }
        if wait.has(intf::why_flags_WHY_OTHER_IDLE) {
            return Behind::Scheduler;
        }
        match u32::from(wait.other_class) {
            _ if wait.has(intf::why_flags_WHY_PINNED) => Behind::Pinned,
            _ if wait.other_tgid == self.tgid => Behind::Itself,
            intf::task_class_CLASS_KERNEL => Behind::Kernel,
            intf::task_class_CLASS_FRAME | intf::task_class_CLASS_INPUT => Behind::OtherFrame,
            _ if u32::from(wait.class) >= intf::task_class_CLASS_GAME => Behind::Budget,
            _ => Behind::Scheduler,
        }
    }
}

fn split(path: &Path) -> Split {
    Split {
        ran: total(&path.ran),
        waited: total(&path.waited),
        slept: total(&path.slept),
    }
}

impl Wait {
    pub fn of(r: &Record) -> Self {
        let waited = r.at - r.from;
        Wait {
            thread: r.comm.clone(),
            pid: r.pid,
            us: waited / NS_PER_US,
            cpu: r.cpu,
            other: r.other_comm.clone(),
            other_pid: r.other_pid,
            again: r.has(intf::why_flags_WHY_AGAIN),
            and_others: r.other_ran != 0 && r.other_ran * 2 < waited,
        }
    }
}

fn asleep(turn: &Record) -> Asleep {
    if turn.sleep & TASK_STOPPED_OR_TRACED != 0 {
        Asleep::Stopped
    } else if turn.has(intf::why_flags_WHY_IOWAIT) {
        Asleep::Disk
    } else if turn.sleep & TASK_UNINTERRUPTIBLE != 0 {
        Asleep::Driver
    } else {
        Asleep::Other
    }
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
