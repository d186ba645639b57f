// SPDX-License-Identifier: GPL-2.0-only
//! What a frame is, as the scheduler can see it: from one moment at which a source
//! (a timer, a vblank, a fence) wakes the thread that sets the game's pace to the
//! next. Its work lasts from that wakeup to the end of the last turn in its chain,
//! which is how source-to-frame times are measured.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::why::record::{Kind, Record};

const NS_PER_MS: f64 = 1e6;
const NS_PER_SEC: u64 = 1_000_000_000;
/// The past that is kept to cut frames from; longer than the longest stutter that
/// is looked into.
const RECENT_NS: u64 = 3 * NS_PER_SEC;
/// And by number: 8 threads at 500 Hz on every CPU of a big desktop.
const RECENT_MAX: usize = 65_536;
/// A turn is reported when it ends, so a frame is looked at after this long.
const SETTLED_NS: u64 = NS_PER_SEC / 2;
/// CPUs that write at one moment: their records may stand in either order.
const SKEW_NS: u64 = 1_000_000;
/// Frames a second of a pacing thread. Slower is a clock on a panel, faster audio.
const RATE_MIN: u64 = 15;
const RATE_MAX: u64 = 1000;
/// The pacer stays, unless another thread works so many times as much.
const PACER_LEAD: u64 = 2;

/// A frame that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// ns: the source's wakeup.
    pub start: u64,
    /// ns: the next one.
    pub next: u64,
    /// ns: the end of the last turn in its chain.
    pub done: u64,
}

impl Frame {
    pub fn interval(&self) -> u64 {
        self.next - self.start
    }

    /// From the source to the last link's end.
    pub fn work(&self) -> u64 {
        self.done - self.start
    }

    /// All of the time that belongs to it.
    pub fn span(&self) -> (u64, u64) {
        (self.start, self.next.max(self.done))
    }
}

/// Frame times as they are shown, ms.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Times {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Times {
    pub fn of(values_ns: impl Iterator<Item = u64>) -> Self {
        let mut all: Vec<u64> = values_ns.collect();
        let ms = |percent| quantile(&mut all, percent) as f64 / NS_PER_MS;
        let [p50, p99, max] = [50, 99, 100].map(ms);
        Times { p50, p99, max }
    }
}

/// The least value that so many percent are not above, as of the histograms in model.rs; 0 of none.
pub fn quantile(values: &mut [u64], percent: usize) -> u64 {
    if values.is_empty() {
        return 0;
    }
    let rank = (values.len() * percent).div_ceil(100).max(1);
    *values.select_nth_unstable(rank - 1).1
}

/// The recent records of the watched process and its pacer.
#[derive(Debug, Default)]
pub struct Recent {
    pub records: VecDeque<Record>,
    /// Thread that sets the pace; 0 if none does.
    pub pacer: u32,
    /// Frames that begin before this have been cut.
    cut_to: u64,
}

impl Recent {
    pub fn push(&mut self, record: Record) {
        let oldest = record.at.saturating_sub(RECENT_NS);
        while self.records.len() >= RECENT_MAX
            || self.records.front().is_some_and(|r| r.at < oldest)
        {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }

    /// Another process is watched.
    pub fn forget(&mut self) {
        *self = Recent::default();
    }

    /// The frames that have come to rest since the last call. `now` is the time up
    /// to which records have been read.
    pub fn cut(&mut self, now: u64, tgid: u32) -> Vec<Frame> {
        self.choose_pacer(tgid);
        let settled = now.saturating_sub(SETTLED_NS);
        let mut frames = self.begun(tgid);
        self.find_ends(tgid, &mut frames);
        frames.retain(|f| f.start >= self.cut_to && f.next <= settled);
        if let Some(last) = frames.last() {
            self.cut_to = last.next;
        }
        frames
    }

    /// All frames that the records have a beginning and an end of, without their work.
    fn begun(&self, tgid: u32) -> Vec<Frame> {
        let begins = |r: &&Record| r.pid == self.pacer && r.begins_frame();
        let mut starts: Vec<u64> = self.turns(tgid).filter(begins).map(|r| r.from).collect();
        starts.sort_unstable();
        let frame = |pair: &[u64]| Frame {
            start: pair[0],
            next: pair[1],
            done: pair[0],
        };
        starts.windows(2).map(frame).collect()
    }

    /// A frame's work ends with the last turn that its source has led to. Only threads count that take part in every
    /// second frame or more: what is begun in one and goes on for long, a loader, is not what the frame is.
    fn find_ends(&self, tgid: u32, frames: &mut [Frame]) {
        let links = self.links(tgid, frames);
        let mut parts: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
        for (frame, r) in &links {
            parts.entry(r.pid).or_default().insert(*frame);
        }
        for (frame, r) in links {
            let regular = parts[&r.pid].len() * 2 >= frames.len();
            let Some(f) = frames.get_mut(frame).filter(|_| regular) else {
                continue;
            };
            // The pacer itself is done with a frame when the next begins; a lock that another thread frees at that
            // moment, on a CPU whose clock is behind, must not make it work on.
            if r.pid != self.pacer || r.at <= f.next {
                f.done = f.done.max(r.at);
            }
        }
    }

    /// The turns that belong to frames, from waker to woken; behind the last frame those of one that is not over. Whom
    /// another process woke in between belongs to the frame that had begun last.
    fn links(&self, tgid: u32, frames: &[Frame]) -> Vec<(usize, &Record)> {
        let turns = self.turns(tgid).filter(|r| r.in_chain());
        let mut turns: Vec<&Record> = turns.collect();
        turns.sort_unstable_by_key(|r| r.from);
        // Of each thread its latest turn: whose it is, until when.
        let mut latest: BTreeMap<u32, (usize, u64)> = BTreeMap::new();
        let mut links = Vec::new();
        for r in turns {
            let begun = match frames.last() {
                Some(last) if r.from >= last.next => Some(frames.len()),
                _ => frames.partition_point(|f| f.start <= r.from).checked_sub(1),
            };
            let source = r.begins_frame() && r.pid == self.pacer;
            let led = latest.get(&r.waker).filter(|(_, until)| r.from <= *until);
            let own = latest.get(&r.pid).map(|(frame, _)| *frame);
            let frame = match led {
                // Whoever frees a lock late does not take a thread back to a frame that it is done with.
                Some((frame, _)) if r.waker != 0 => Some(own.map_or(*frame, |own| own.max(*frame))),
                _ if source || r.follows() => begun,
                _ => None,
            };
            if let Some(frame) = frame {
                latest.insert(r.pid, (frame, r.at));
                links.push((frame, r));
            }
        }
        links
    }

    /// The records that may touch a span; they come sorted by their ends, but for
    /// the time CPUs need to write them.
    pub fn around(&self, (begin, end): (u64, u64)) -> impl Iterator<Item = &Record> {
        let first = begin.saturating_sub(SKEW_NS);
        let from = self.records.partition_point(|r| r.at < first);
        let records = self.records.range(from..);
        records.take_while(move |r| r.at < end + SETTLED_NS)
    }

    fn turns(&self, tgid: u32) -> impl Iterator<Item = &Record> {
        let ours = move |r: &&Record| r.kind == Kind::Turn && r.tgid == tgid;
        self.records.iter().filter(ours)
    }

    /// Of the threads that begin frames at a frame's rate, the one that works most.
    fn choose_pacer(&mut self, tgid: u32) {
        let mut threads: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for r in self.turns(tgid) {
            let (begun, used) = threads.entry(r.pid).or_default();
            *begun += u64::from(r.begins_frame());
            *used += r.used;
        }
        let (Some(first), Some(last)) = (self.records.front(), self.records.back()) else {
            return;
        };
        let length = last.at.saturating_sub(first.at).max(1);
        let rate = |begun: u64| begun * NS_PER_SEC / length;
        threads.retain(|_, (begun, _)| (RATE_MIN..=RATE_MAX).contains(&rate(*begun)));
        let Some((pid, (_, used))) = threads.iter().max_by_key(|(_, (_, used))| *used) else {
            return;
        };
        let current = threads.get(&self.pacer).map_or(0, |(_, used)| *used);
        if current * PACER_LEAD < *used {
            self.pacer = *pid;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::why::record::tests::turn;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_frame_is_from_pace_to_pace_and_its_work_to_the_last_link() {
        let mut recent = Recent::default();
        for i in 0..100 {
            let at = i * 16 * MS + MS;
            recent.push(turn(1, at, at + 4 * MS, 4 * MS));
            // The render thread, woken by the first: a link of its chain.
            let mut link = turn(2, at + 4 * MS, at + 9 * MS, 5 * MS);
            (link.waker, link.depth) = (1, 1);
            recent.push(link);
            // A loader: once, and long.
            if i == 50 {
                let mut loader = turn(4, at + 4 * MS, at + 40 * MS, 30 * MS);
                (loader.waker, loader.depth) = (1, 1);
                recent.push(loader);
            }
            // Audio: often, and little.
            for k in 0..3 {
                recent.push(turn(3, at + k * 5 * MS, at + k * 5 * MS + 1000, 1000));
            }
        }
        let frames = recent.cut(1600 * MS, 1);
        assert_eq!(recent.pacer, 1);
        assert!(frames.len() > 50, "{}", frames.len());
        assert!(frames.iter().all(|f| f.interval() == 16 * MS));
        assert!(frames.iter().all(|f| f.work() == 9 * MS));
        assert!(recent.cut(1600 * MS, 1).is_empty(), "cut once");
    }

    /// A helper of the frame before frees a lock that the pacer wants at the beginning of the next: `freed` after the
    /// frame before began, by the helper's clock. Returns the longest work.
    fn work_beside_a_lock_freed_at(freed: u64) -> u64 {
        let mut recent = Recent::default();
        for i in 0..100 {
            let at = i * 16 * MS + MS;
            recent.push(turn(1, at, at + MS, MS));
            if i == 50 {
                let mut helper = turn(2, at + MS, at + 18 * MS, MS);
                (helper.waker, helper.depth) = (1, 1);
                recent.push(helper);
                let mut goes_on = turn(1, at + freed, at + 20 * MS, 2 * MS);
                (goes_on.waker, goes_on.depth) = (2, 1);
                recent.push(goes_on);
            }
        }
        let frames = recent.cut(1600 * MS, 1);
        frames.iter().map(Frame::work).max().unwrap_or(0)
    }

    #[test]
    fn a_lock_freed_late_does_not_make_the_frame_before_longer() {
        // The frame that it does belong to begins at 16 ms.
        assert_eq!(work_beside_a_lock_freed_at(18 * MS), 4 * MS);
    }

    #[test]
    fn nor_does_one_freed_by_a_clock_that_is_behind() {
        assert_eq!(work_beside_a_lock_freed_at(15 * MS), MS);
    }

    #[test]
    fn the_99th_of_a_hundred_is_not_the_greatest() {
        let mut values: Vec<u64> = (1..=100).rev().collect();
        let mut of = |percent| quantile(&mut values, percent);
        assert_eq!([0, 1, 50, 99, 100].map(&mut of), [1, 1, 50, 99, 100]);
        assert_eq!(quantile(&mut [7, 8, 9], 50), 8);
        assert_eq!(quantile(&mut [7], 99), 7);
    }

    #[test]
    fn times_of_nothing_are_zero() {
        assert_eq!(Times::of([].into_iter()), Times::default());
        let t = Times::of((1..=100).map(|v| v * MS));
        assert_eq!((t.p50, t.p99, t.max), (50.0, 99.0, 100.0));
    }
}
