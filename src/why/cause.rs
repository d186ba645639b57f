// SPDX-License-Identifier: GPL-2.0-only
//! Why a frame took so long. Its time is split into time in which a thread of the
//! game ran, time in which none ran and one waited for a CPU, and the rest, in
//! which all slept; what grew most over the usual frame is the cause.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bpf::intf;
use crate::why::frames::Frame;
use crate::why::record::{Kind, Record};
use crate::why::spans::{Span, Spans};

/// What a part of the time must have grown by, as a share of what the frame lost,
/// to be called its cause.
const SHARE_PERCENT: u64 = 40;
const NS_PER_US: u64 = 1000;
/// Task states (include/linux/sched.h; the low bits have not moved since 2.6).
const TASK_UNINTERRUPTIBLE: u32 = 2;
const TASK_STOPPED_OR_TRACED: u32 = 4 | 8;

/// Who was on the CPU that a thread waited for.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Behind {
    /// A real-time task, which no scheduler of this kind may preempt.
    RealTime,
    /// The game's own threads: there are more of them than CPUs.
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
}

/// How the frame's time was spent, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Split {
    pub ran: u64,
    pub waited: u64,
    /// Inside the work: between its beginning and the end of its last link.
    pub slept: u64,
}

/// The records that touch a frame.
pub struct Scene<'a> {
    pub frame: Frame,
    pub tgid: u32,
    pub pacer: u32,
    pub records: Vec<&'a Record>,
    pub cpus: usize,
}

impl<'a> Scene<'a> {
    pub fn new(
        records: impl Iterator<Item = &'a Record>,
        frame: Frame,
        (tgid, pacer): (u32, u32),
        cpus: usize,
    ) -> Self {
        let (begin, end) = frame.span();
        let touches = |r: &&Record| r.at > begin && r.from < end;
        Scene {
            frame,
            tgid,
            pacer,
            records: records.filter(touches).collect(),
            cpus,
        }
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &&'a Record> {
        let ours = move |r: &&&Record| r.kind == kind && r.tgid == self.tgid;
        self.records.iter().filter(ours)
    }

    /// Time in which a thread of the game was awake and did not wait.
    fn running(&self) -> Spans {
        let span = self.frame.span();
        let mut pieces = Vec::new();
        for turn in self.of(Kind::Turn) {
            let waits = self.of(Kind::Wait).filter(|w| w.pid == turn.pid);
            let waits = Spans::new(waits.map(|w| (w.from, w.at)), span);
            pieces.extend(
                Spans::new([(turn.from, turn.at)], span)
                    .minus(&waits)
                    .iter(),
            );
        }
        Spans::new(pieces, span)
    }

    /// Time in which one waited and none ran.
    fn waiting(&self, running: &Spans) -> Spans {
        let waits = self.of(Kind::Wait).map(|w| (w.from, w.at));
        Spans::new(waits, self.frame.span()).minus(running)
    }

    pub fn split(&self) -> Split {
        let running = self.running();
        let waiting = self.waiting(&running);
        let work: Span = (self.frame.start, self.frame.done);
        let busy = running.overlap(work) + waiting.overlap(work);
        Split {
            ran: running.total(),
            waited: waiting.total(),
            slept: self.frame.work().saturating_sub(busy),
        }
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
        let split = self.split();
        let enough = lost * SHARE_PERCENT / 100;
        if split.waited.saturating_sub(usual.waited) >= enough
            && let Some(wait) = self.waits(false).first()
        {
            return self.waited(wait);
        }
        if split.ran.saturating_sub(usual.ran) >= enough {
            return self.ran();
        }
        // Another process that the game waits for may be the one without a CPU.
        if let Some(wait) = self.waits(true).first()
            && wait.at - wait.from >= enough
        {
            return self.waited(wait);
        }
        self.slept(enough)
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
        Cause::Waited {
            behind: self.behind(to_blame),
            wait: Wait {
                us: (wait.at - wait.from) / NS_PER_US,
                ..Wait::of(to_blame)
            },
        }
    }

    fn behind(&self, wait: &Record) -> Behind {
        let own: BTreeSet<u32> = self.of(Kind::Turn).map(|t| t.pid).collect();
        if wait.has(intf::why_flags_WHY_OTHER_RT | intf::why_flags_WHY_MOVED) {
            return Behind::RealTime;
        }
        if wait.has(intf::why_flags_WHY_OTHER_IDLE) {
            return Behind::Scheduler;
        }
        match u32::from(wait.other_class) {
            _ if wait.has(intf::why_flags_WHY_PINNED) => Behind::Pinned,
            _ if own.contains(&wait.other_pid) => Behind::Itself,
            intf::task_class_CLASS_KERNEL => Behind::Kernel,
            intf::task_class_CLASS_FRAME | intf::task_class_CLASS_INPUT => Behind::OtherFrame,
            _ if u32::from(wait.class) >= intf::task_class_CLASS_GAME => Behind::Budget,
            _ => Behind::Scheduler,
        }
    }

    /// Many threads side by side, some of which wait for others, or one at length.
    fn ran(&self) -> Cause {
        let (begin, end) = self.frame.span();
        let inside = |r: &&&Record| r.at <= end + (end - begin) && r.from >= begin;
        let waited_beside: BTreeSet<u32> = self.of(Kind::Wait).map(|w| w.pid).collect();
        let own: BTreeSet<u32> = self.of(Kind::Turn).map(|t| t.pid).collect();
        let behind_itself = self.of(Kind::Wait).any(|w| own.contains(&w.other_pid));
        if own.len() > self.cpus && !waited_beside.is_empty() && behind_itself {
            return Cause::Crowded {
                threads: own.len(),
                cpus: self.cpus,
            };
        }
        let longest = self.of(Kind::Turn).filter(inside).max_by_key(|t| t.used);
        match longest {
            Some(turn) => Cause::Ran {
                thread: turn.comm.clone(),
                pid: turn.pid,
                ms: turn.used / 1_000_000,
            },
            None => self.slept(0),
        }
    }

    /// In what the thread slept that slept where nothing ran or waited: the pacer
    /// if it tells more than "asleep", else whoever does.
    fn slept(&self, enough: u64) -> Cause {
        let running = self.running();
        let span = self.frame.span();
        let silence = Spans::new([span], span)
            .minus(&running)
            .minus(&self.waiting(&running));
        let gap = silence.longest().unwrap_or(span);
        // Whoever fell asleep last before the silence is who it is about.
        let mut sleepers: Vec<&&Record> = self.of(Kind::Turn).filter(|t| t.at <= gap.1).collect();
        sleepers.sort_by_key(|t| std::cmp::Reverse(t.at));
        let telling = sleepers.iter().find(|t| {
            let until = self.wakes_again(t).unwrap_or(span.1);
            until.saturating_sub(t.at) >= enough && asleep(t) != Asleep::Other
        });
        let pacer = || sleepers.iter().find(|t| t.pid == self.pacer);
        let told = telling.or_else(pacer);
        Cause::Slept {
            why: told.map_or(Asleep::Other, |t| asleep(t)),
            thread: told.map_or_else(String::new, |t| t.comm.clone()),
            pid: told.map_or(0, |t| t.pid),
        }
    }

    fn wakes_again(&self, turn: &Record) -> Option<u64> {
        let later = self
            .of(Kind::Turn)
            .filter(|t| t.pid == turn.pid && t.from >= turn.at);
        later.map(|t| t.from).min()
    }
}

impl Wait {
    pub fn of(r: &Record) -> Self {
        Wait {
            thread: r.comm.clone(),
            pid: r.pid,
            us: (r.at - r.from) / NS_PER_US,
            cpu: r.cpu,
            other: r.other_comm.clone(),
            other_pid: r.other_pid,
            again: r.has(intf::why_flags_WHY_AGAIN),
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
