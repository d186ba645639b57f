// SPDX-License-Identifier: GPL-2.0-only
//! Reads the ring of records and keeps what follows from them.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libbpf_rs::{RingBuffer, RingBufferBuilder};
use log::{debug, warn};

use crate::clock;
use crate::loader::Scheduler;
use crate::why::Why;
use crate::why::record::Record;

/// Between two looks at the frames, which have to be half a second old anyway. Each goes through all records of the last
/// seconds, and the daemon's loop may turn hundreds of times a second.
const SETTLE_EVERY: Duration = Duration::from_millis(1000);
/// For those who ask, of whom there may be fifty a second.
const SETTLE_ASKED: Duration = Duration::from_millis(100);

pub struct WhyRing<'a> {
    settled: Cell<Option<Instant>>,
    buffer: RingBuffer<'a>,
    why: Rc<RefCell<Why>>,
    /// Another process was chosen, and the kernel part does not know it yet.
    changed: Rc<Cell<bool>>,
}

impl<'a> WhyRing<'a> {
    pub fn new(scheduler: &'a Scheduler<'a>) -> Result<Self> {
        let why = Rc::new(RefCell::new(Why::new(scheduler.topology().order.len())));
        let changed = Rc::new(Cell::new(false));
        let (see, tell) = (Rc::clone(&why), Rc::clone(&changed));
        let on_record = move |bytes: &[u8]| {
            let mut why = see.borrow_mut();
            match Record::decode(bytes) {
                Some(record) => tell.set(why.see(record) || tell.get()),
                None => why.malformed += 1,
            }
            0
        };
        let mut builder = RingBufferBuilder::new();
        builder
            .add(scheduler.why_map(), on_record)
            .context("adding the ring of waits")?;
        let buffer = builder.build().context("mapping the ring of waits")?;
        Ok(WhyRing {
            settled: Cell::new(None),
            buffer,
            why,
            changed,
        })
    }

    /// The descriptor to wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to `buffer`, which outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.buffer.epoll_fd().as_raw_fd()) }
    }

    /// Reads everything that waits, for somebody who asks.
    pub fn drain(&self, scheduler: &Scheduler<'_>) -> Result<()> {
        self.read(scheduler, SETTLE_ASKED)
    }

    /// The same in passing, and tells the kernel part whom to watch.
    pub fn beat(&self, scheduler: &Scheduler<'_>) -> Result<()> {
        self.read(scheduler, SETTLE_EVERY)
    }

    fn read(&self, scheduler: &Scheduler<'_>, settle_every: Duration) -> Result<()> {
        self.buffer.consume().context("reading the ring of waits")?;
        let mut why = self.why.borrow_mut();
        let recently = |at: Instant| at.elapsed() < settle_every;
        if !self.settled.get().is_some_and(recently) {
            why.ahead = clock::ahead(scheduler)?;
            why.settle();
            self.settled.set(Some(Instant::now()));
        }
        if self.changed.take() {
            debug!("frames are looked for in process {}", why.watch.tgid);
            // Without it there is less to tell, and nothing else.
            if let Err(e) = scheduler.watch(why.watch.tgid) {
                warn!("{e:#}");
            }
        }
        let malformed = std::mem::take(&mut why.malformed);
        if malformed > 0 {
            warn!("{malformed} malformed records: kernel part and daemon disagree");
        }
        Ok(())
    }

    pub fn why(&self) -> std::cell::Ref<'_, Why> {
        self.why.borrow()
    }
}
