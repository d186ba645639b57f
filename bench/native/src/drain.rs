// SPDX-License-Identifier: GPL-2.0-only
//! Reading events: a ring buffer by libbpf against a lane by the product's reader.

use crate::lane::{Cursor, Record};
use crate::lanes::Lanes;
use crate::subjects::{TIMES, median};
use crate::{bpf, machine, run};
use anyhow::{Context, Result, ensure};
use libbpf_rs::RingBufferBuilder;
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::time::Instant;

/// Nanoseconds an event, by round.
#[derive(Default)]
pub struct Drained {
    pub ring: Vec<f64>,
    pub lane: Vec<f64>,
}

/// The value that both readers look at, so that both read all of an event.
fn sum(record: &Record) -> u64 {
    record.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

pub fn measure(rounds: u32) -> Result<Drained> {
    let mut object = MaybeUninit::uninit();
    let skel = bpf::load(&mut object)?;
    let lanes = Lanes::map(skel.maps.lanes.as_fd(), machine::CPUS)?;
    let lane = lanes.iter().next().context("no lane")?;
    let (seen, sums) = (Cell::new(0), Cell::new(0u64));
    let mut builder = RingBufferBuilder::new();
    builder.add(&skel.maps.shared_ring, |bytes| {
        let (words, _) = bytes.as_chunks::<8>();
        let record: Record = std::array::from_fn(|w| u64::from_ne_bytes(words[w]));
        sums.set(sums.get().wrapping_add(sum(&record)));
        seen.set(seen.get() + 1);
        0
    })?;
    let ring = builder.build().context("mapping the ring")?;
    machine::own(0)?;
    let (mut drained, mut cursor) = (Drained::default(), Cursor::default());
    for _ in 0..rounds {
        run::repeat(skel.progs.ring_shared.as_fd(), TIMES)?;
        let begin = Instant::now();
        ring.consume().context("reading the ring")?;
        drained.ring.push(per_event(begin));
        run::repeat(skel.progs.lane_array.as_fd(), TIMES)?;
        let begin = Instant::now();
        lane.read(&mut cursor, |record| {
            sums.set(sums.get().wrapping_add(sum(record)));
        });
        drained.lane.push(per_event(begin));
    }
    let events = u64::from(rounds) * u64::from(TIMES);
    ensure!(
        seen.get() == events,
        "{} of {events} events from the ring",
        seen.get()
    );
    ensure!(
        cursor.read == events,
        "{} of {events} events from the lane",
        cursor.read
    );
    std::hint::black_box(sums.get());
    Ok(drained)
}

fn per_event(begin: Instant) -> f64 {
    begin.elapsed().as_nanos() as f64 / f64::from(TIMES)
}

impl Drained {
    pub fn medians(&self) -> [f64; 2] {
        [median(&self.ring), median(&self.lane)]
    }
}
