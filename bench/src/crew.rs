// SPDX-License-Identifier: GPL-2.0-only
//! The threads of one process of a run, and what they bring home.

use crate::burn::{Burner, Window};
use crate::scenario::Scenario;
use crate::sys::clock::{NS_PER_MS, mono_ns, sleep_until};
use crate::sys::sched::{self, Policy};
use crate::sys::schedstat::ThreadStat;
use crate::sys::signal::interrupted;
use crate::team::Team;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kernel's counters are read this long before the window opens, so that reading them does
/// not fall into it.
const SNAPSHOT_LEAD_NS: u64 = 20 * NS_PER_MS;
/// The thread that reads them stands above the load, or it would read late.
const KEEPER: Policy = Policy::Fifo(2);
/// Processes with more threads than this (the thousand-runnable adversary) are not read thread by
/// thread: it would take longer than the lead.
const MAX_SNAPSHOT_THREADS: usize = 64;

/// What every process of a run knows.
#[derive(Clone, Debug)]
pub struct Ctx {
    pub scenario: Arc<Scenario>,
    pub seed: u64,
    pub cpus: usize,
    /// Vblank number 0.
    pub t0_ns: u64,
    pub window: Window,
    /// One name for all threads of game and background, if any.
    pub rename: Option<String>,
    pub compositor: Compositor,
}

/// How the desktop's frame threads are scheduled: both are found in the wild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Compositor {
    /// SCHED_RR 1, above every sched_ext scheduler
    Rr,
    /// Nice -20
    Nice,
}

impl Ctx {
    pub fn running(&self) -> bool {
        !self.window.over(mono_ns())
    }

    pub fn burner(&self) -> Burner {
        Burner::new(self.window)
    }

    pub fn vblank_ns(&self, number: u64) -> u64 {
        self.t0_ns + number * self.scenario.display.period_ns()
    }

    /// The name a thread shows: the game's own, or the common one.
    pub fn comm<'a>(&'a self, own: &'a str) -> &'a str {
        self.rename.as_deref().unwrap_or(own)
    }
}

/// What one thread noticed. Times are nanoseconds of the monotonic clock.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ThreadOut {
    /// Named lists of (frame or period number, time).
    pub series: BTreeMap<String, Vec<[u64; 2]>>,
    /// Wake-up delays inside the window: cause to running.
    pub delays_ns: Vec<u64>,
    /// CPU time burnt inside the window.
    pub cpu_ns: u64,
    /// Longest time inside the window that it wanted to run and did not.
    pub max_wait_ns: u64,
    /// Jobs completed inside the window, and those of them past their deadline.
    pub jobs: u64,
    pub missed: u64,
}

impl ThreadOut {
    pub fn mark(&mut self, series: &str, number: u64, time_ns: u64) {
        match self.series.get_mut(series) {
            Some(list) => list.push([number, time_ns]),
            None => {
                self.series
                    .insert(series.to_string(), vec![[number, time_ns]]);
            }
        }
    }

    /// Take over what the burner counted.
    pub fn burnt(mut self, burner: &Burner) -> Self {
        self.cpu_ns += burner.cpu_ns;
        self.max_wait_ns = self.max_wait_ns.max(burner.max_gap_ns);
        self
    }
}

/// One thread in the report of its process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ThreadReport {
    pub role: String,
    pub out: ThreadOut,
    pub stat: Option<ThreadStat>,
}

/// The threads of one process. Spawning adds one; [`Crew::finish`] runs the process to its end.
pub struct Crew {
    pub ctx: Ctx,
    team: Team<ThreadOut>,
}

impl Crew {
    pub fn new(ctx: &Ctx) -> Result<Self> {
        Ok(Self {
            ctx: ctx.clone(),
            team: Team::new()?,
        })
    }

    /// A thread of the game or the background: renamed when the run says so.
    pub fn spawn(
        &mut self,
        role: &str,
        comm: &str,
        policy: Policy,
        body: impl FnOnce(&Ctx) -> Result<ThreadOut> + Send + 'static,
    ) -> Result<()> {
        let ctx = self.ctx.clone();
        let comm = self.ctx.comm(comm).to_string();
        self.team.spawn(role, &comm, policy, move || body(&ctx))
    }

    /// A thread of the machine itself: never renamed.
    pub fn spawn_system(
        &mut self,
        role: &str,
        comm: &str,
        policy: Policy,
        body: impl FnOnce(&Ctx) -> Result<ThreadOut> + Send + 'static,
    ) -> Result<()> {
        let ctx = self.ctx.clone();
        self.team.spawn(role, comm, policy, move || body(&ctx))
    }

    /// Wait for the end of the run, reading the kernel's counters around the window.
    pub fn finish(self) -> Result<Vec<ThreadReport>> {
        sched::set_policy(KEEPER)?;
        sched::set_comm("keeper");
        let window = self.ctx.window;
        interrupted(sleep_until(window.from_ns - SNAPSHOT_LEAD_NS))?;
        let before = self.snapshot();
        interrupted(sleep_until(window.to_ns))?;
        let after = self.snapshot();
        interrupted(sleep_until(window.stop_ns))?;
        let stats = before
            .iter()
            .zip(&after)
            .map(|(b, a)| Some(a.as_ref()?.since(b.as_ref()?)));
        let mut stats = stats.collect::<Vec<_>>().into_iter();
        let report = |(role, out)| ThreadReport {
            role,
            out,
            stat: stats.next().flatten(),
        };
        Ok(self.team.join()?.into_iter().map(report).collect())
    }

    fn snapshot(&self) -> Vec<Option<ThreadStat>> {
        let tids = self.team.tids();
        if tids.len() > MAX_SNAPSHOT_THREADS {
            return Vec::new();
        }
        tids.iter().map(|(_, tid)| ThreadStat::read(*tid)).collect()
    }
}
