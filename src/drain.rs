// SPDX-License-Identifier: GPL-2.0-only
//! Reads the 16 rings of input events. The daemon waits for them with epoll;
//! what arrives is checked, counted by ring and class, and kept as totals.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;

use anyhow::{Context, Result};
use libbpf_rs::{RingBuffer, RingBufferBuilder};

use crate::event::InputReport;
use crate::probe::InputProbe;
use crate::topology::NR_RINGS;

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    pub by_ring: [u64; NR_RINGS],
    /// Records that were not what the kernel part writes: a bug, never ignored.
    pub malformed: u64,
}

pub struct Drain<'a> {
    buffer: RingBuffer<'a>,
    totals: Rc<RefCell<Totals>>,
}

impl Drain<'_> {
    pub fn new(probe: &InputProbe<'_>) -> Result<Self> {
        let totals = Rc::new(RefCell::new(Totals::default()));
        let mut builder = RingBufferBuilder::new();
        for (ring, map) in probe.rings().into_iter().enumerate() {
            let totals = Rc::clone(&totals);
            let on_record = move |bytes: &[u8]| {
                let mut t = totals.borrow_mut();
                match InputReport::decode(bytes) {
                    Some(_) => t.by_ring[ring] += 1,
                    None => t.malformed += 1,
                }
                0
            };
            builder
                .add(map, on_record)
                .with_context(|| format!("adding ring {ring}"))?;
        }
        let buffer = builder.build().context("mapping the rings")?;
        Ok(Drain { buffer, totals })
    }

    /// The descriptor to wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to `buffer`, which outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.buffer.epoll_fd().as_raw_fd()) }
    }

    /// Reads everything that waits, in every ring.
    pub fn drain(&self) -> Result<()> {
        self.buffer.consume().context("reading the rings")
    }

    pub fn totals(&self) -> Totals {
        self.totals.borrow().clone()
    }
}
