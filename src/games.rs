// SPDX-License-Identifier: GPL-2.0-only
//! What the daemon knows of games, in its loop: the watch over programs and the
//! socket by which a program says that it is one.

use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use log::warn;
use photon_bench::sockets::REGISTRATION;

use crate::channel;
use crate::detect::rules::Rule;
use crate::detect::watch::{Measure, Watch};
use crate::display::DisplayProbe;
use crate::exec::{ExecProbe, Execs};
use crate::loader::Scheduler;
use crate::model::{Game, Sample};
use crate::register::Registry;

/// How often the kernel part is told who plays: a third of what it believes it for.
const TELL: Duration = Duration::from_secs(1);

pub struct Games<'a> {
    watch: Watch<'a>,
    probe: Option<ExecProbe<'a>>,
    /// Events lost, as far as they are known.
    lost: u64,
    registry: Option<Registry>,
    told: Told,
}

/// What the kernel part was told last: the game and its family.
#[derive(Default)]
struct Told {
    game: Option<(u32, Vec<u32>)>,
    /// Whose section of the configuration counts.
    program: String,
    beat: u32,
    look: u32,
    at: Option<Instant>,
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
    /// Without the probe it looks for games at the start and for registered ones; `registered` is of the attachment
    /// before this one.
    pub fn new(
        probe: Option<ExecProbe<'a>>,
        rules: Vec<Rule>,
        registered: Option<Registry>,
    ) -> Result<Self> {
        let listen = || {
            Registry::listen(Path::new(REGISTRATION))
                .inspect_err(|e| warn!("`scx_photon run` cannot register games: {e:#}"))
                .ok()
        };
        let registry = registered.or_else(listen);
        Ok(Games {
            watch: Watch::new(probe.as_ref().map(Execs::new).transpose()?, rules)?,
            probe,
            lost: 0,
            registry,
            told: Told::default(),
        })
    }

    /// Who has registered, for the next attachment.
    pub fn into_registry(self) -> Option<Registry> {
        self.registry
    }

    /// The rules of a configuration that was read again.
    pub fn take_rules(&mut self, rules: Vec<Rule>) {
        self.watch.take_rules(rules);
    }

    /// The program and the name of the game that is played.
    pub fn playing(&self) -> Option<(&str, &str)> {
        let playing = self.watch.playing()?;
        Some((&playing.program, &playing.name))
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

    /// Looks at processes if it is time to; true if another game is played, or none any more.
    pub fn tick(
        &mut self,
        scheduler: &Scheduler<'_>,
        display: Option<&DisplayProbe<'_>>,
    ) -> Result<bool> {
        // What was lost may have been a game's start, or its move into a cgroup that says that it is one.
        let lost = self.probe.as_ref().map_or(0, ExecProbe::lost);
        if lost != self.lost {
            self.lost = lost;
            self.watch.events_lost();
        }
        let known = Known {
            scheduler,
            display,
            registry: self.registry.as_ref(),
        };
        self.watch.tick(&known)?;
        if let Some(registry) = &mut self.registry {
            registry.tick();
        }
        self.tell(scheduler)
    }

    /// The back channel: who plays, after each look and again while it lasts.
    fn tell(&mut self, scheduler: &Scheduler<'_>) -> Result<bool> {
        let playing = self.watch.playing();
        let game = playing.map(|p| (p.pid, p.members.as_slice()));
        let told = self.told.game.as_ref().map(|(p, m)| (*p, m.as_slice()));
        let due = game.is_some() && self.told.at.is_none_or(|at| at.elapsed() >= TELL);
        let look = self.watch.looked();
        if game == told && look == self.told.look && !due {
            return Ok(false);
        }
        let program = playing.map_or("", |p| p.program.as_str());
        let other =
            game.map(|(pid, _)| pid) != told.map(|(pid, _)| pid) || program != self.told.program;
        self.told.beat = self.told.beat.wrapping_add(1);
        let left_out = channel::play(scheduler, self.told.beat, look, game)?;
        if game != told && left_out > 0 {
            warn!("{left_out} processes of the game are treated like any other: too many");
        }
        self.told.program = program.to_string();
        self.told.game = game.map(|(pid, members)| (pid, members.to_vec()));
        self.told.look = look;
        self.told.at = Some(Instant::now());
        Ok(other)
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
