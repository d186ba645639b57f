// SPDX-License-Identifier: GPL-2.0-only
//! Stutter forensics. The kernel part reports waits that were too long and the
//! turns of the process that makes the frames; from these the daemon cuts frames,
//! keeps the last minutes, and says of each frame that took twice the usual why.

pub mod cause;
pub mod command;
pub mod frames;
pub mod path;
pub mod record;
pub mod ring;
pub mod spans;
pub mod text;
pub mod watch;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use cause::{Cause, Scene, Split, Wait};
use frames::{Frame, Recent, Times, quantile};
use path::End;
use record::{Kind, Record};
use watch::Watch;

use crate::clock::monotonic;
use crate::printable::printable;

const NS_PER_MS: f64 = 1e6;
/// Frames kept: five minutes at 120 Hz.
const FRAMES_MAX: usize = 36_000;
/// Stutters kept: one a second for five minutes. Who has more needs no more.
const STUTTERS_MAX: usize = 300;
/// Waits shown with a stutter.
const WAITS_MAX: usize = 5;
/// Frames whose median is the usual frame: two seconds at 120 Hz.
const USUAL_FRAMES: usize = 240;
/// Before so many there is no usual frame.
const USUAL_MIN: usize = 30;
/// A frame that missed one refresh takes exactly twice the usual; 5 % for timers.
const TWICE_PERCENT: u64 = 190;
/// A thread that a source wakes several times a frame makes short and long
/// intervals in turn; a stutter is also longer than most of the long ones.
const MOST_PERCENT: u64 = 150;
/// One frame in so many is split for the usual split.
const SPLIT_EVERY: u64 = 4;
const SPLITS_KEPT: usize = 60;
/// Work that took longer is the cause if it is one in so many of what was lost, or more: the rest is the wait for the
/// next refresh.
const WORK_PART: u64 = 4;

/// A frame that took too long, and why.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Stutter {
    /// ns of CLOCK_MONOTONIC, to a tenth of a millisecond: the frame's beginning.
    pub at_ns: u64,
    pub process: String,
    pub tgid: u32,
    /// From this frame's beginning to the next one's, ms, and the usual.
    pub frame_ms: f64,
    pub usual_ms: f64,
    /// From its source to the end of its last link, ms.
    pub work_ms: f64,
    /// On the way from its end back to its source: see path.rs.
    pub ran_ms: f64,
    pub waited_ms: f64,
    pub slept_ms: f64,
    pub cause: Cause,
    /// The longest waits of its threads.
    pub waits: Vec<Wait>,
}

/// What `scx_photon why` shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Report {
    /// ns of CLOCK_MONOTONIC: the newest record.
    pub at_ns: u64,
    /// The process whose frames are looked at, and the thread that paces it.
    pub process: String,
    pub tgid: u32,
    pub pacer: String,
    pub pacer_pid: u32,
    /// Frames since this process is watched, at most five minutes of them.
    pub frames: usize,
    /// Seconds that these frames lasted.
    pub seconds: f64,
    pub frame_ms: Times,
    /// From a frame's source to the end of its last link.
    pub source_to_frame_ms: Times,
    /// Those that are remembered; in a view the last of them.
    pub stutters: Vec<Stutter>,
    /// How many are remembered, by the word of their cause.
    pub causes: BTreeMap<String, usize>,
}

impl Report {
    /// The same of whatever version: one that has not counted them told all it had.
    pub fn counts(&self) -> BTreeMap<String, usize> {
        match self.causes.is_empty() {
            true => counts(&self.stutters),
            false => self.causes.clone(),
        }
    }

    /// All that are remembered, told or not.
    pub fn remembered(&self) -> usize {
        self.counts().values().sum()
    }
}

fn counts<'s>(stutters: impl IntoIterator<Item = &'s Stutter>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for stutter in stutters {
        *counts.entry(text::word(&stutter.cause).into()).or_default() += 1;
    }
    counts
}

#[derive(Debug, Default)]
pub struct Why {
    recent: Recent,
    pub watch: Watch,
    frames: VecDeque<Frame>,
    splits: VecDeque<Split>,
    stutters: VecDeque<Stutter>,
    process: String,
    seen: u64,
    now: u64,
    /// ns that the records' clock is ahead of CLOCK_MONOTONIC; wraps.
    pub ahead: u64,
    cpus: usize,
    /// Records that were not what the kernel part writes: a bug, never ignored.
    pub malformed: u64,
}

impl Why {
    pub fn new(cpus: usize) -> Self {
        Why {
            cpus,
            ..Why::default()
        }
    }

    /// Takes a record in; true if another process is to be watched from now on.
    pub fn see(&mut self, record: Record) -> bool {
        self.now = self.now.max(record.at);
        let changed = self.watch.see(&record);
        if changed {
            self.recent.forget();
            self.frames.clear();
            self.splits.clear();
            self.process = process_name(self.watch.tgid);
        }
        // Waits of others are kept: the game may wait for them.
        if record.tgid == self.watch.tgid || record.kind == Kind::Wait {
            self.recent.push(record);
        }
        changed
    }

    /// Cuts the frames that have come to rest and looks into the long ones.
    pub fn settle(&mut self) {
        for frame in self.recent.cut(self.now, self.watch.tgid) {
            self.seen += 1;
            self.judge(frame);
            if self.frames.len() >= FRAMES_MAX {
                self.frames.pop_front();
            }
            self.frames.push_back(frame);
        }
    }

    fn scene(&self, frame: Frame, late: bool) -> Scene<'_> {
        let records = self.recent.around(frame.span());
        let end = match late {
            true => End::Pacer(self.recent.pacer),
            false => End::LastLink,
        };
        Scene::new(records, frame, (self.watch.tgid, end), self.cpus)
    }

    fn judge(&mut self, frame: Frame) {
        let Some(usual) = self.usual() else {
            self.keep_split(frame);
            return;
        };
        let long = |took: u64, usual: u64| took * 100 >= usual * TWICE_PERCENT;
        let most = usual.most * MOST_PERCENT / 100;
        let late = long(frame.interval(), usual.interval) && frame.interval() >= most;
        // Work that goes on behind the pacer's back, in a render thread.
        let behind = long(frame.work(), usual.work) && frame.work() > usual.interval;
        if !late && !behind {
            if self.seen.is_multiple_of(SPLIT_EVERY) {
                self.keep_split(frame);
            }
            return;
        }
        let lost = frame
            .interval()
            .saturating_sub(usual.interval)
            .max(frame.work().saturating_sub(usual.work));
        let worked_longer = frame.work().saturating_sub(usual.work);
        let lost = if worked_longer * WORK_PART >= lost {
            worked_longer
        } else {
            lost
        };
        let stutter = self.stutter(frame, late, &usual, lost);
        if self.stutters.len() >= STUTTERS_MAX {
            self.stutters.pop_front();
        }
        self.stutters.push_back(stutter);
    }

    fn stutter(&self, frame: Frame, late: bool, usual: &Usual, lost: u64) -> Stutter {
        let scene = self.scene(frame, late);
        let split = scene.split();
        let ms = |ns: u64| ns as f64 / NS_PER_MS;
        Stutter {
            at_ns: monotonic(frame.start, self.ahead),
            process: self.process.clone(),
            tgid: self.watch.tgid,
            frame_ms: ms(frame.interval()),
            usual_ms: ms(usual.interval),
            work_ms: ms(frame.work()),
            ran_ms: ms(split.ran),
            waited_ms: ms(split.waited),
            slept_ms: ms(split.slept),
            cause: scene.cause(&usual.split, lost),
            waits: scene
                .waits(true)
                .iter()
                .take(WAITS_MAX)
                .map(|w| Wait::of(w))
                .collect(),
        }
    }

    fn keep_split(&mut self, frame: Frame) {
        let split = self.scene(frame, false).split();
        if self.splits.len() >= SPLITS_KEPT {
            self.splits.pop_front();
        }
        self.splits.push_back(split);
    }

    fn usual(&self) -> Option<Usual> {
        let last = || self.frames.iter().rev().take(USUAL_FRAMES);
        if self.frames.len() < USUAL_MIN || self.splits.is_empty() {
            return None;
        }
        let of = |part: fn(&Split) -> u64| self.splits.iter().map(part).collect::<Vec<_>>();
        let split = |part| quantile(&mut of(part), 50);
        let mut intervals: Vec<u64> = last().map(Frame::interval).collect();
        let mut works: Vec<u64> = last().map(Frame::work).collect();
        Some(Usual {
            interval: quantile(&mut intervals, 50),
            most: quantile(&mut intervals, 75),
            work: quantile(&mut works, 50),
            split: Split {
                ran: split(|s| s.ran),
                waited: split(|s| s.waited),
                slept: split(|s| s.slept),
            },
        })
    }

    pub fn report(&self) -> Report {
        let pacer = self.recent.records.iter().rev();
        let pacer = pacer
            .filter(|r| r.pid == self.recent.pacer)
            .map(|r| &r.comm)
            .next();
        let lasted = match (self.frames.front(), self.frames.back()) {
            (Some(first), Some(last)) => (last.next - first.start) as f64 / NS_PER_MS / 1e3,
            _ => 0.0,
        };
        Report {
            at_ns: monotonic(self.now, self.ahead),
            process: self.process.clone(),
            tgid: self.watch.tgid,
            pacer: pacer.cloned().unwrap_or_default(),
            pacer_pid: self.recent.pacer,
            frames: self.frames.len(),
            seconds: lasted,
            frame_ms: Times::of(self.frames.iter().map(Frame::interval)),
            source_to_frame_ms: Times::of(self.frames.iter().map(Frame::work)),
            stutters: self.stutters.iter().cloned().collect(),
            causes: counts(&self.stutters),
        }
    }

    /// The process whose frames are looked at; empty without one.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// Has the process whose frames were last looked at not ended? Its name may have changed since.
    pub fn is_alive(&self) -> bool {
        !process_name(self.watch.tgid).is_empty()
    }

    /// The median of the last frames.
    pub fn usual_ms(&self) -> f64 {
        let last = self.frames.iter().rev().take(USUAL_FRAMES);
        let mut intervals: Vec<u64> = last.map(Frame::interval).collect();
        quantile(&mut intervals, 50) as f64 / NS_PER_MS
    }

    /// How many of that process are remembered.
    pub fn stutters(&self) -> usize {
        let of_it = |s: &&Stutter| s.tgid == self.watch.tgid;
        self.stutters.iter().filter(of_it).count()
    }

    /// The last frames' intervals, ms, oldest first.
    pub fn last_frames(&self, n: usize) -> Vec<f32> {
        let skip = self.frames.len().saturating_sub(n);
        let frames = self.frames.iter().skip(skip);
        frames
            .map(|f| (f.interval() as f64 / NS_PER_MS) as f32)
            .collect()
    }
}

/// The usual frame.
struct Usual {
    interval: u64,
    /// Longer than three frames in four.
    most: u64,
    work: u64,
    split: Split,
}

/// The name of a process, as anybody may read it.
pub fn process_name(tgid: u32) -> String {
    let comm = std::fs::read(format!("/proc/{tgid}/comm")).unwrap_or_default();
    // The kernel cuts a name by bytes, in the middle of a letter, too.
    printable(String::from_utf8_lossy(&comm).trim_end())
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
