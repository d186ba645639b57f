// SPDX-License-Identifier: GPL-2.0-only
//! What the daemon knows of games, in its loop: the watch over programs and the
//! socket by which a program says that it is one.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use log::warn;

use crate::detect::rules::Rule;
use crate::detect::watch::{Measure, Watch};
use crate::display::DisplayProbe;
use crate::exec::{ExecProbe, Execs};
use crate::loader::Scheduler;
use crate::model::{Game, Sample};
use crate::register::{Registry, SOCKET};

pub struct Games<'a> {
    watch: Watch<'a>,
    probe: Option<ExecProbe<'a>>,
    /// Events lost, as far as they are known.
    lost: u64,
    registry: Option<Registry>,
}

/// The measurements of the kernel part, and who has registered.
struct Known<'k> {
    scheduler: &'k Scheduler<'k>,
    display: Option<&'k DisplayProbe<'k>>,
    registry: Option<&'k Registry>,
}

impl Measure for Known<'_> {
    fn submits(&self) -> HashMap<u32, u64> {
        self.display
            .map_or_else(HashMap::new, DisplayProbe::submits)
    }

    fn faces(&self, pid: u32) -> bool {
        self.scheduler.faces(pid)
    }

    fn registered(&self, pid: u32, uid: u32) -> bool {
        self.registry.is_some_and(|r| r.contains(pid, uid))
    }
}

impl<'a> Games<'a> {
    /// Without the probe it looks for games at the start and for registered ones.
    pub fn new(probe: Option<ExecProbe<'a>>, rules: Vec<Rule>) -> Result<Self> {
        let registry = Registry::listen(Path::new(SOCKET))
            .inspect_err(|e| warn!("`scx_photon run` cannot register games: {e:#}"))
            .ok();
        Ok(Games {
            watch: Watch::new(probe.as_ref().map(Execs::new).transpose()?, rules)?,
            probe,
            lost: 0,
            registry,
        })
    }

    /// Readable when a program starts or the game ends.
    pub fn watch_fd(&self) -> BorrowedFd<'_> {
        self.watch.fd()
    }

    /// Readable when somebody registers.
    pub fn registry_fd(&self) -> Option<BorrowedFd<'_>> {
        self.registry.as_ref().map(Registry::fd)
    }

    pub fn watch_ready(&mut self) -> Result<()> {
        self.watch.ready()
    }

    pub fn registry_ready(&mut self) {
        if self.registry.as_mut().is_some_and(Registry::accept) {
            self.watch.look_soon();
        }
    }

    /// How long until `tick` has something to do.
    pub fn timeout(&self) -> Option<Duration> {
        self.watch.timeout()
    }

    /// Looks at processes if it is time to.
    pub fn tick(
        &mut self,
        scheduler: &Scheduler<'_>,
        display: Option<&DisplayProbe<'_>>,
    ) -> Result<()> {
        // What was lost may have been a game's start.
        let lost = self.probe.as_ref().map_or(0, ExecProbe::lost);
        if lost != self.lost {
            self.lost = lost;
            self.watch.look_soon();
        }
        let known = Known {
            scheduler,
            display,
            registry: self.registry.as_ref(),
        };
        self.watch.tick(&known)
    }

    /// Adds the game that is played to a sample.
    pub fn fill(&self, sample: &mut Sample) {
        if let Some(playing) = self.watch.playing() {
            sample.game = Game {
                pid: playing.pid,
                name: playing.name.clone(),
                why: playing.why.clone(),
                processes: playing.members.len() as u64,
            };
        }
    }
}
