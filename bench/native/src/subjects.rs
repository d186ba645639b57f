// SPDX-License-Identifier: GPL-2.0-only
//! What is measured, and the rounds in which it is.

use crate::bpf::native::NativeSkel;
use crate::{bpf, run};
use anyhow::{Context, Result};
use libbpf_rs::{RingBuffer, RingBufferBuilder};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

/// Runs in one batch: what fits into a ring buffer of the product's size twice
/// over (24 bytes a record, 64 KiB), so that two writers never fill it.
pub const TIMES: u32 = 1000;
/// Batches a round; their median is what counts, so that a timer tick does not.
const BATCHES: usize = 60;

pub struct Subject {
    pub name: &'static str,
    pub what: &'static str,
    program: for<'s> fn(&'s NativeSkel<'_>) -> BorrowedFd<'s>,
}

macro_rules! subjects {
    ($($name:ident: $what:literal),* $(,)?) => {
        &[$(Subject {
            name: stringify!($name),
            what: $what,
            program: |skel| skel.progs.$name.as_fd(),
        }),*]
    };
}

/// The first one is what the others are compared with.
pub const SUBJECTS: &[Subject] = subjects![
    empty: "nothing",
    clock: "bpf_ktime_get_ns",
    ring_shared: "one event into one ring buffer for all",
    ring_own: "one event into the CPU's ring buffer of 16",
    lane_array: "one event into the CPU's lane, array memory",
    lane_arena: "one event into the CPU's lane, arena memory",
    decide: "link_wake and relative_deadline",
    count_one_line: "a counter a CPU, in one line",
    count_next_line: "a counter a CPU, in neighbouring lines",
    count_apart: "a counter a CPU, 128 bytes apart",
    count_atomic: "one atomic counter for all",
];

/// Nanoseconds a run, by round.
pub struct Measured {
    pub subject: &'static Subject,
    /// Index 0: one writer; 1: two at once.
    pub rounds: [Vec<f64>; 2],
}

pub fn measure(rounds: u32) -> Result<Vec<Measured>> {
    let mut object = MaybeUninit::uninit();
    let skel = bpf::load(&mut object)?;
    let rings = rings(&skel)?;
    let mut all: Vec<Measured> = SUBJECTS
        .iter()
        .map(|subject| Measured {
            subject,
            rounds: Default::default(),
        })
        .collect();
    for _ in 0..rounds {
        for measured in &mut all {
            let prog = (measured.subject.program)(&skel);
            for writers in [1, 2] {
                let rest = || rings.consume().context("emptying the rings");
                let batches = run::batches(prog, writers, BATCHES, TIMES, rest)
                    .with_context(|| measured.subject.name)?;
                measured.rounds[writers - 1].push(median(&batches));
            }
        }
    }
    Ok(all)
}

/// A reader that throws everything away.
fn rings<'a>(skel: &NativeSkel<'_>) -> Result<RingBuffer<'a>> {
    let mut builder = RingBufferBuilder::new();
    builder.add(&skel.maps.shared_ring, |_| 0)?;
    builder.add(&skel.maps.ring_0, |_| 0)?;
    builder.add(&skel.maps.ring_1, |_| 0)?;
    builder.build().context("mapping the rings")
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}
