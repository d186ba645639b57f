// SPDX-License-Identifier: GPL-2.0-only
//! The way back from a frame's end to its source: what the last thread did until then, who woke it, what that one did
//! before, and so on. What other threads did beside does not count, and what the way holds is what the frame waited for.

use crate::why::frames::Frame;
use crate::why::record::{Kind, Record};
use crate::why::spans::{Span, Spans};

/// Steps of the longest way: a frame of 30 links, each woken a few times. More is a fault in the records.
const STEPS_MAX: usize = 256;

/// What ends the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// What this thread did before it waited for the next frame: for a frame that began late.
    Pacer(u32),
    /// The last link: for work that went on after that.
    LastLink,
}

#[derive(Clone, Debug, Default)]
pub struct Path<'a> {
    /// Time on a CPU, with the turn it belongs to.
    pub ran: Vec<(Span, &'a Record)>,
    /// Waits for a CPU.
    pub waited: Vec<(Span, &'a Record)>,
    /// Sleep that no thread of the process ended, with the turn before it.
    pub slept: Vec<(Span, &'a Record)>,
}

impl<'a> Path<'a> {
    /// `records` are those of the process.
    pub fn of(records: &[&'a Record], end: End, frame: Frame) -> Self {
        let mut path = Path::default();
        let Some(mut turn) = last(records, end, frame) else {
            return path;
        };
        let mut until = turn.at;
        for _ in 0..STEPS_MAX {
            path.took(records, turn, (turn.from.max(frame.start), until));
            until = turn.from;
            if until <= frame.start {
                break;
            }
            if let Some(waker) = awake(records, turn.waker, until) {
                turn = waker;
                continue;
            }
            let Some(before) = previous(records, turn) else {
                path.slept.push(((frame.start, until), turn));
                break;
            };
            path.slept
                .push(((before.at.max(frame.start), until), before));
            (turn, until) = (before, before.at);
            if until <= frame.start {
                break;
            }
        }
        path
    }

    /// A part of a turn: its waits, and the rest on a CPU.
    fn took(&mut self, records: &[&'a Record], turn: &'a Record, span: Span) {
        let waits = || {
            let its = |r: &&&'a Record| r.kind == Kind::Wait && r.pid == turn.pid;
            records.iter().copied().filter(move |r| its(&r))
        };
        let waited = Spans::new(waits().map(|w| (w.from, w.at)), span);
        for piece in waited.iter() {
            // The last of those that overlap has it all: a task that was moved has two.
            let inside = waits().filter(|w| w.from < piece.1 && w.at > piece.0);
            if let Some(wait) = inside.max_by_key(|w| w.at) {
                self.waited.push((piece, wait));
            }
        }
        let ran = Spans::new([span], span).minus(&waited);
        self.ran.extend(ran.iter().map(|piece| (piece, turn)));
    }
}

/// How long the pieces last together.
pub fn total(pieces: &[(Span, &Record)]) -> u64 {
    pieces.iter().map(|((a, b), _)| b - a).sum()
}

/// The longest piece's record.
pub fn longest<'a>(pieces: &[(Span, &'a Record)]) -> Option<&'a Record> {
    let longest = pieces.iter().max_by_key(|((a, b), _)| b - a);
    longest.map(|(_, record)| *record)
}

fn turns<'a, 'b>(records: &'b [&'a Record]) -> impl Iterator<Item = &'a Record> + use<'a, 'b> {
    records.iter().copied().filter(|r| r.kind == Kind::Turn)
}

fn last<'a>(records: &[&'a Record], end: End, frame: Frame) -> Option<&'a Record> {
    let ends = |r: &&Record| match end {
        End::LastLink => r.at == frame.done,
        End::Pacer(pid) => r.pid == pid && r.from < frame.next,
    };
    turns(records).filter(ends).max_by_key(|r| r.at)
}

/// The turn of a thread that was awake just before that moment.
fn awake<'a>(records: &[&'a Record], pid: u32, at: u64) -> Option<&'a Record> {
    let its = |r: &&Record| pid != 0 && r.pid == pid && r.from < at && at <= r.at;
    turns(records).find(its)
}

/// The same thread's turn before.
fn previous<'a>(records: &[&'a Record], turn: &Record) -> Option<&'a Record> {
    let before = |r: &&Record| r.pid == turn.pid && r.at <= turn.from && r.from < turn.from;
    turns(records).filter(before).max_by_key(|r| r.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::why::record::tests::{turn, wait};

    const FRAME: Frame = Frame {
        start: 100,
        next: 200,
        done: 160,
    };

    fn link(pid: u32, waker: u32, from: u64, at: u64) -> Record {
        let mut link = turn(pid, from, at, at - from);
        (link.waker, link.depth) = (waker, 1);
        link
    }

    #[test]
    fn beside_the_way_nothing_counts() {
        let records = [
            turn(1, 100, 120, 20),
            link(3, 1, 110, 155),
            link(2, 1, 118, 160),
            wait(2, 118, 150, 3, 0),
        ];
        let records: Vec<&Record> = records.iter().collect();
        let path = Path::of(&records, End::LastLink, FRAME);
        assert_eq!(total(&path.waited), 32);
        // Its own ten, and the waker's until it woke it.
        assert_eq!(total(&path.ran), 10 + 18);
        assert!(path.slept.is_empty());
    }

    #[test]
    fn sleep_is_what_nobody_of_the_process_ended() {
        let records = [
            turn(1, 100, 120, 20),
            link(2, 1, 120, 130),
            // An interrupt; then the pacer is told.
            turn(2, 150, 160, 10),
            link(1, 2, 160, 162),
        ];
        let records: Vec<&Record> = records.iter().collect();
        let path = Path::of(&records, End::Pacer(1), FRAME);
        assert_eq!(total(&path.slept), 20);
        assert_eq!(longest(&path.slept).map(|r| (r.pid, r.at)), Some((2, 130)));
        assert_eq!(total(&path.ran), 2 + 10 + 10 + 20);
    }

    #[test]
    fn who_woke_itself_in_a_circle_comes_to_an_end() {
        let records = [link(2, 3, 90, 170), link(3, 2, 91, 160)];
        let records: Vec<&Record> = records.iter().collect();
        assert!(Path::of(&records, End::Pacer(2), FRAME).ran.len() <= STEPS_MAX);
        assert!(Path::of(&[], End::LastLink, FRAME).ran.is_empty());
    }
}
