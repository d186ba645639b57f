// SPDX-License-Identifier: GPL-2.0-only
//! The reading end of a lane, the ring of one CPU's input events. The writing end
//! is `src/bpf/probes/lane.bpf.h`.
//!
//! The writer never waits: it overwrites. So the reader copies first and asks
//! afterwards which of the copies were whole; the others it counts as lost. Every
//! event ever written is in the end either read or lost.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use crate::bpf::intf;

/// Events a lane holds.
pub const EVENTS: u64 = intf::lane_consts_LANE_EVENTS as u64;
/// Of one lane in memory.
pub const BYTES: usize = size_of::<intf::lane>();
/// Words of an event.
const WORDS: usize = size_of::<intf::input_report>() / size_of::<u64>();
/// Copied before the writer is asked again; a few cache lines.
const CHUNK: usize = 64;

pub type Record = [u64; WORDS];

/// Where a reader is in a lane, and what became of the events before that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    next: u64,
    pub read: u64,
    /// Overwritten before they could be read.
    pub lost: u64,
}

/// A lane in memory that somebody else writes.
#[derive(Clone, Copy)]
pub struct Lane<'m> {
    words: &'m [AtomicU64],
}

impl<'m> Lane<'m> {
    /// `words` is a whole `struct lane`.
    pub fn new(words: &'m [AtomicU64]) -> Option<Self> {
        (size_of_val(words) == BYTES).then_some(Lane { words })
    }

    fn word(&self, byte: usize) -> &'m AtomicU64 {
        &self.words[byte / size_of::<u64>()]
    }

    /// Events ever written.
    pub fn head(&self) -> u64 {
        let head = self.word(std::mem::offset_of!(intf::lane, head));
        head.load(Ordering::Acquire)
    }

    /// Reports by device class.
    pub fn reports(&self, class: usize) -> u64 {
        let first = std::mem::offset_of!(intf::lane, reports);
        self.word(first + class * size_of::<u64>())
            .load(Ordering::Relaxed)
    }

    fn copy(&self, event: u64) -> Record {
        let slot = (event % EVENTS) as usize * size_of::<Record>();
        let first = std::mem::offset_of!(intf::lane, slot) + slot;
        std::array::from_fn(|w| {
            self.word(first + w * size_of::<u64>())
                .load(Ordering::Relaxed)
        })
    }

    /// Hands out everything written until now that is still there.
    pub fn read(&self, cursor: &mut Cursor, mut each: impl FnMut(&Record)) {
        let end = self.head();
        while cursor.next < end {
            cursor.skip_to(oldest(self.head()));
            let mut copies = [[0; WORDS]; CHUNK];
            let first = cursor.next;
            let count = end.saturating_sub(first).min(CHUNK as u64) as usize;
            for (copy, event) in copies.iter_mut().zip(first..).take(count) {
                *copy = self.copy(event);
            }
            // The copies were made before the head is looked at again.
            fence(Ordering::Acquire);
            let whole = oldest(self.head());
            for (copy, event) in copies.iter().zip(first..).take(count) {
                if event >= whole {
                    cursor.skip_to(event);
                    each(copy);
                    cursor.read += 1;
                    cursor.next += 1;
                }
            }
            cursor.skip_to(whole.min(first + count as u64));
        }
    }
}

/// The first event that is surely whole while the writer may be busy with the
/// one after `head`.
fn oldest(head: u64) -> u64 {
    (head + 1).saturating_sub(EVENTS)
}

impl Cursor {
    /// Gives up what comes before an event.
    fn skip_to(&mut self, event: u64) {
        self.lost += event.saturating_sub(self.next);
        self.next = self.next.max(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel part does, on one CPU.
    fn put(words: &[AtomicU64], n: u64) {
        let first = std::mem::offset_of!(intf::lane, slot) / 8;
        for _ in 0..n {
            let head = words[0].load(Ordering::Relaxed);
            let at = first + (head % EVENTS) as usize * WORDS;
            for w in 0..WORDS {
                words[at + w].store(head * 7 + w as u64, Ordering::Relaxed);
            }
            words[0].store(head + 1, Ordering::Release);
        }
    }

    fn memory() -> Vec<AtomicU64> {
        (0..BYTES / 8).map(|_| AtomicU64::new(0)).collect()
    }

    /// Reads all and checks that each record is the one its number says.
    fn read(lane: &Lane<'_>, cursor: &mut Cursor) {
        let mut last = None;
        lane.read(cursor, |r| {
            assert_eq!(r[1], r[0] + 1, "torn");
            assert!(last.is_none_or(|l| r[0] > l), "out of order");
            last = Some(r[0]);
        });
    }

    #[test]
    fn nothing_is_lost_until_the_ring_is_full() {
        let words = memory();
        let lane = Lane::new(&words).unwrap();
        let mut cursor = Cursor::default();
        // Round and round, always at another offset.
        for n in [0, 1, EVENTS / 2, EVENTS - 1, EVENTS - 1, 3] {
            put(&words, n);
            read(&lane, &mut cursor);
            assert_eq!((cursor.read, cursor.lost), (lane.head(), 0));
        }
    }

    #[test]
    fn what_was_overwritten_is_counted_exactly() {
        let words = memory();
        let lane = Lane::new(&words).unwrap();
        let mut cursor = Cursor::default();
        put(&words, 10 * EVENTS + 5);
        read(&lane, &mut cursor);
        // The slot the writer would take next is not trusted.
        assert_eq!(cursor.read, EVENTS - 1);
        assert_eq!(cursor.read + cursor.lost, lane.head());
        put(&words, 4);
        read(&lane, &mut cursor);
        assert_eq!(cursor.read, EVENTS + 3);
        assert_eq!(cursor.read + cursor.lost, lane.head());
    }

    #[test]
    fn a_writer_that_never_stops_tears_nothing() {
        let words = memory();
        let lane = Lane::new(&words).unwrap();
        let mut cursor = Cursor::default();
        const TOTAL: u64 = 400_000;
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| put(&words, TOTAL));
            while !writer.is_finished() {
                read(&lane, &mut cursor);
            }
            read(&lane, &mut cursor);
        });
        assert_eq!(cursor.read + cursor.lost, TOTAL);
        assert!(cursor.read > 0);
    }

    #[test]
    fn a_lane_has_its_size() {
        assert!(Lane::new(&memory()[1..]).is_none());
    }
}
