// SPDX-License-Identifier: GPL-2.0-only
//! Reads the input events. The daemon waits with epoll for the 16 rings, which
//! the kernel part rings once for many events; the events are in the CPUs' lanes.
//! What arrives is checked, counted by ring, and kept as totals.

use std::cell::RefCell;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;

use anyhow::{Context, Result};
use libbpf_rs::{RingBuffer, RingBufferBuilder};

use crate::event::InputReport;
use crate::lane::Cursor;
use crate::lanes::Lanes;
use crate::probe::InputProbe;

/// What was read so far.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// By CPU.
    pub cursors: Vec<Cursor>,
    /// Records that were not what the kernel part writes: a bug, never ignored.
    pub malformed: u64,
}

pub struct Drain<'a> {
    bells: RingBuffer<'a>,
    lanes: Rc<Lanes>,
    totals: RefCell<Totals>,
}

impl Drain<'_> {
    pub fn new(probe: &InputProbe<'_>) -> Result<Self> {
        let mut builder = RingBufferBuilder::new();
        for (ring, map) in probe.rings().into_iter().enumerate() {
            // What a ring says is only that it is time to look.
            builder
                .add(map, |_| 0)
                .with_context(|| format!("adding ring {ring}"))?;
        }
        let bells = builder.build().context("mapping the rings")?;
        let lanes = probe.lanes();
        let cursors = lanes.iter().map(|_| Cursor::default()).collect();
        Ok(Drain {
            bells,
            lanes,
            totals: RefCell::new(Totals {
                cursors,
                malformed: 0,
            }),
        })
    }

    /// The descriptor to wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to `bells`, which outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.bells.epoll_fd().as_raw_fd()) }
    }

    /// Reads everything that waits, in every lane. The bells first: one that
    /// rings from here on wakes us again.
    pub fn drain(&self) -> Result<()> {
        self.bells.consume().context("reading the rings")?;
        let totals = &mut *self.totals.borrow_mut();
        for (cpu, (lane, cursor)) in self.lanes.iter().zip(&mut totals.cursors).enumerate() {
            lane.read(cursor, |record| {
                if InputReport::decode(record, cpu).is_none() {
                    totals.malformed += 1;
                }
            });
        }
        Ok(())
    }

    pub fn totals(&self) -> Totals {
        self.totals.borrow().clone()
    }
}
