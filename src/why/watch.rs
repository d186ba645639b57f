// SPDX-License-Identifier: GPL-2.0-only
//! Which process makes the frames. The kernel part reports some turns of every
//! frame thread and all turns of the one process it is told to watch; here is
//! chosen which: the one whose threads, woken by sources and by each other, use
//! the most CPU. No names; a person facing the machine is what makes sources.

use std::collections::BTreeMap;

use crate::why::record::{Kind, Record};

const NS_PER_SEC: u64 = 1_000_000_000;
/// Long enough to see a game at 30 Hz begin some frames.
const WINDOW_NS: u64 = 2 * NS_PER_SEC;
/// Fewer beginnings of frames in a window are no game.
const BEGINNINGS_MIN: u32 = 8;
/// Of the watched process all turns are seen and of others a sample, so another
/// must look this much busier, and then is.
const TAKEOVER: u64 = 2;

/// What a process did in the current window.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    pub used_ns: u64,
    pub beginnings: u32,
}

#[derive(Debug, Default)]
pub struct Watch {
    /// The process that is watched; 0 if none.
    pub tgid: u32,
    begin: u64,
    activity: BTreeMap<u32, Activity>,
    /// The last whole window.
    pub last: BTreeMap<u32, Activity>,
}

impl Watch {
    /// Takes a record in; true if another process is to be watched from now on.
    pub fn see(&mut self, r: &Record) -> bool {
        if r.kind != Kind::Turn {
            return false;
        }
        if self.begin == 0 {
            self.begin = r.at;
        }
        let activity = self.activity.entry(r.tgid).or_default();
        activity.used_ns += r.used;
        activity.beginnings += u32::from(r.begins_frame());
        r.at >= self.begin + WINDOW_NS && self.choose(r.at)
    }

    fn choose(&mut self, now: u64) -> bool {
        self.begin = now;
        self.last = std::mem::take(&mut self.activity);
        let makes_frames = |a: &Activity| a.beginnings >= BEGINNINGS_MIN;
        let best = self
            .last
            .iter()
            .filter(|(_, a)| makes_frames(a))
            .max_by_key(|(_, a)| a.used_ns);
        let Some((tgid, best)) = best else {
            return false;
        };
        let watched = self.last.get(&self.tgid).filter(|a| makes_frames(a));
        let stays = watched.is_some_and(|w| best.used_ns < w.used_ns * TAKEOVER);
        if stays || *tgid == self.tgid {
            return false;
        }
        self.tgid = *tgid;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::why::record::tests::turn;

    const MS: u64 = 1_000_000;

    fn play(watch: &mut Watch, tgid: u32, from: u64, used: u64) -> bool {
        let mut changed = false;
        for i in 0..150 {
            let at = from + i * 16 * MS;
            let mut r = turn(tgid, at, at + used, used);
            r.tgid = tgid;
            changed |= watch.see(&r);
        }
        changed
    }

    #[test]
    fn the_busiest_maker_of_frames_is_watched() {
        let mut watch = Watch::default();
        for i in 0..150 {
            let at = MS + i * 16 * MS;
            let (mut small, mut big) = (turn(5, at, at + MS, MS), turn(7, at, at + 6 * MS, 6 * MS));
            (small.tgid, big.tgid) = (5, 7);
            // Works more than either, and no source wakes it.
            let mut other = turn(9, at, at + 9 * MS, 9 * MS);
            (other.tgid, other.depth) = (9, 2);
            watch.see(&small);
            watch.see(&big);
            watch.see(&other);
        }
        assert_eq!(watch.tgid, 7);
    }

    #[test]
    fn a_change_needs_a_reason() {
        let mut watch = Watch::default();
        assert!(play(&mut watch, 7, MS, 6 * MS));
        assert!(!play(&mut watch, 7, 3000 * MS, 6 * MS));
        // The first one has ended.
        assert!(play(&mut watch, 8, 6000 * MS, MS));
        assert_eq!(watch.tgid, 8);
    }
}
