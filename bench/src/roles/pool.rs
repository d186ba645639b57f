// SPDX-License-Identifier: GPL-2.0-only
//! The game thread's job system: fork a batch of jobs to the workers, join when the last is done.

use super::wine;
use super::wiring::Wiring;
use crate::crew::{Ctx, ThreadOut};
use crate::scenario::MAX_JOBS_PER_JOIN;
use crate::sema::{Sema, SemaMaker};
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::sync::atomic::{AtomicU64, Ordering};

/// A batch is joined before the next is forked, so one fits.
const RING: usize = MAX_JOBS_PER_JOIN as usize;

/// Numbers only grow, so a worker that was preempted between two batches cannot confuse them.
#[derive(Debug)]
pub struct Pool {
    jobs_ns: Vec<AtomicU64>,
    /// First job number that does not exist yet. Written by the game thread; the release store
    /// publishes the jobs below it.
    limit: AtomicU64,
    /// Next job nobody has claimed.
    next: AtomicU64,
    done: AtomicU64,
    work: Sema,
    joined: Sema,
}

impl Pool {
    pub fn new(semas: &SemaMaker) -> Result<Self> {
        Ok(Self {
            jobs_ns: (0..RING).map(|_| AtomicU64::new(0)).collect(),
            limit: AtomicU64::new(0),
            next: AtomicU64::new(0),
            done: AtomicU64::new(0),
            work: semas.make(0)?,
            joined: semas.make(0)?,
        })
    }

    /// Fork the batch and block until all of it is done. `false` when interrupted.
    pub fn run(&self, jobs_ns: impl Iterator<Item = u64>, workers: usize) -> Result<bool> {
        let first = self.limit.load(Ordering::Relaxed);
        let mut limit = first;
        for ns in jobs_ns.take(RING) {
            self.slot(limit).store(ns, Ordering::Relaxed);
            limit += 1;
        }
        self.limit.store(limit, Ordering::Release);
        self.work.post((limit - first).min(workers as u64) as u32)?;
        Ok(interrupted(self.joined.take())?.is_some())
    }

    fn slot(&self, number: u64) -> &AtomicU64 {
        &self.jobs_ns[(number % RING as u64) as usize]
    }

    /// Claim a job: its number and its work.
    fn claim(&self) -> Option<(u64, u64)> {
        let limit = self.limit.load(Ordering::Acquire);
        let below = |n| (n < limit).then_some(n + 1);
        let number = self
            .next
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, below)
            .ok()?;
        Some((number, self.slot(number).load(Ordering::Relaxed)))
    }

    /// A worker: sleeps, then takes jobs until there are none.
    pub fn worker(&self, ctx: &Ctx, wiring: &Wiring, index: usize) -> Result<ThreadOut> {
        let client = wine::FIRST_WORKER_CLIENT + index;
        let every = ctx.scenario.wine.as_ref().map_or(0, |w| w.rpc_every_jobs);
        let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
        while ctx.running() && interrupted(self.work.take())?.is_some() {
            while let Some((number, ns)) = self.claim() {
                if every > 0 && number % every == 0 && !wine::request(wiring, client, 1)? {
                    return Ok(out.burnt(&burner));
                }
                burner.burn(ns);
                out.jobs += 1;
                // The last job of the batch joins; AcqRel makes all jobs' effects visible there.
                let done = self.done.fetch_add(1, Ordering::AcqRel) + 1;
                if done == self.limit.load(Ordering::Acquire) {
                    self.joined.post(1)?;
                }
            }
        }
        Ok(out.burnt(&burner))
    }
}
