// SPDX-License-Identifier: GPL-2.0-only
//! When to look, and what to make of it. An event is cheap: it is looked up in
//! what is known. Only one that may concern a game has /proc read, at once and
//! again after 2, 5 and 15 s, because a game shows itself by what it does.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use log::info;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use super::decide::{Decision, Role, Verdict, decide};
use super::names;
use super::procfs::Processes;
use super::rates::Rates;
use super::rules::Rule;
use super::tree::Proc;
use crate::exec::{Exec, Execs};

/// From the first event to the look: what starts a game starts several programs.
const GATHER: Duration = Duration::from_millis(30);
/// Looks after an event that may concern a game.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
];
/// Looks while something is tracked: the player may change from game to game.
const WHILE_TRACKED: Duration = Duration::from_secs(15);
/// A look costs at most a tenth of the time: who starts programs all the time must not keep the daemon at it.
const RESTS: u32 = 9;
/// Cgroups come and go; more than a desktop has in a week are not remembered.
const CGROUPS_MAX: usize = 4096;

/// Tags of the inner epoll set.
const EXECS: u64 = 0;
const ENDED: u64 = 1;

/// What is measured of processes outside of this module.
pub trait Measure {
    /// GPU fences made so far, by process.
    fn submits(&self) -> HashMap<u32, u64>;
    fn faces(&self, pid: u32) -> bool;
    fn registered(&self, pid: u32, uid: u32) -> bool;
}

/// The game that is played.
pub struct Playing {
    pub pid: u32,
    pub name: String,
    /// File name of its program, lower case.
    pub program: String,
    pub why: String,
    pub members: Vec<u32>,
    /// Readable when it has ended.
    process: Option<OwnedFd>,
}

pub struct Watch<'a> {
    execs: Option<Execs<'a>>,
    epoll: Epoll,
    rules: Vec<Rule>,
    processes: Processes,
    /// Processes whose children are interesting.
    tracked: HashSet<u32>,
    /// In which programs were started (false), and into which processes were moved (true) that may start one there.
    cgroups: HashSet<(u64, bool)>,
    looks: Vec<Instant>,
    looked: u32,
    gather_until: Option<Instant>,
    rests_until: Instant,
    rates: Rates,
    playing: Option<Playing>,
}

impl<'a> Watch<'a> {
    /// Looks for the first time as soon as it is asked.
    pub fn new(execs: Option<Execs<'a>>, rules: Vec<Rule>) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("creating epoll")?;
        if let Some(execs) = &execs {
            // By edge: one wakeup for all that come until they are read.
            let event = EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, EXECS);
            epoll
                .add(execs.fd(), event)
                .context("waiting for programs")?;
        }
        Ok(Watch {
            execs,
            epoll,
            rules,
            processes: Processes::default(),
            tracked: HashSet::new(),
            cgroups: HashSet::new(),
            looks: vec![Instant::now()],
            looked: 0,
            gather_until: None,
            rests_until: Instant::now(),
            rates: Rates::default(),
            playing: None,
        })
    }

    /// The descriptor to wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }

    pub fn playing(&self) -> Option<&Playing> {
        self.playing.as_ref()
    }

    /// How many times all processes were looked at.
    pub fn looked(&self) -> u32 {
        self.looked
    }

    /// Other rules, and a look at what they say.
    pub fn take_rules(&mut self, rules: Vec<Rule>) {
        self.rules = rules;
        if let Some(execs) = &self.execs {
            execs.listen();
        }
        self.look_soon();
    }

    /// Events are missing: a process may be another program now, or in another cgroup.
    pub fn events_lost(&mut self) {
        self.processes = Processes::default();
        self.look_soon();
    }

    /// Something is to be looked at soon, whatever the events say.
    pub fn look_soon(&mut self) {
        self.expect(Instant::now());
    }

    /// How long until `tick` has something to do.
    pub fn timeout(&self) -> Option<Duration> {
        let look = self.looks.iter().min().map(|at| *at.max(&self.rests_until));
        let next = look.into_iter().chain(self.gather_until).min()?;
        Some(next.saturating_duration_since(Instant::now()))
    }

    /// The descriptor is readable.
    pub fn ready(&mut self) -> Result<()> {
        let mut events = [EpollEvent::empty(); 2];
        let n = self.epoll.wait(&mut events, EpollTimeout::ZERO);
        for event in &events[..n.context("asking for events")?] {
            match event.data() {
                EXECS => {
                    self.gather_until.get_or_insert(Instant::now() + GATHER);
                }
                _ => self.game_over(),
            }
        }
        Ok(())
    }

    /// Does what is due.
    pub fn tick(&mut self, measure: &dyn Measure) -> Result<()> {
        let now = Instant::now();
        if self.gather_until.is_some_and(|at| at <= now) {
            self.gather_until = None;
            if self.read_execs()? {
                self.expect(now);
            }
        }
        if self.rests_until <= now && self.looks.iter().any(|at| *at <= now) {
            self.looks.retain(|at| *at > now);
            self.look(measure);
            self.rests_until = Instant::now() + now.elapsed() * RESTS;
        }
        Ok(())
    }

    fn expect(&mut self, now: Instant) {
        self.looks = AGAIN.iter().map(|after| now + *after).collect();
        self.looks.push(now);
    }

    /// Reads what has come; true if any of it may concern a game.
    fn read_execs(&mut self) -> Result<bool> {
        let Some(execs) = &self.execs else {
            return Ok(false);
        };
        let mut interesting = false;
        for exec in execs.take()? {
            self.processes.forget(exec.pid);
            match self.concerns(&exec) {
                true => interesting = true,
                // Of moves the kernel part always tells.
                false if exec.moved => {}
                false => execs.bore(&exec),
            }
            if self.cgroups.len() >= CGROUPS_MAX {
                self.cgroups.clear();
            }
            self.cgroups.insert((exec.cgroup, exec.moved));
        }
        Ok(interesting)
    }

    fn concerns(&self, exec: &Exec) -> bool {
        !self.cgroups.contains(&(exec.cgroup, exec.moved))
            || self.tracked.contains(&exec.parent)
            || names::starts_a_game(&exec.comm)
            || self.rules.iter().any(|r| r.may_name(&exec.comm))
    }

    fn look(&mut self, measure: &dyn Measure) {
        self.looked = self.looked.wrapping_add(1);
        let mut procs = self.processes.read();
        self.rates.update(measure.submits());
        for proc in &mut procs {
            proc.seen.submits = self.rates.of(proc.pid);
            proc.seen.faces = measure.faces(proc.pid);
            proc.seen.registered = measure.registered(proc.pid, proc.uid);
        }
        let decision = decide(&procs, &self.rules);
        self.track(tracked(&procs, &decision));
        if !self.tracked.is_empty() && self.looks.is_empty() {
            self.looks.push(Instant::now() + WHILE_TRACKED);
        }
        self.play(&decision, &procs);
    }

    /// Whose children are told of from now on.
    fn track(&mut self, now: HashSet<u32>) {
        if let Some(execs) = &self.execs {
            for pid in self.tracked.difference(&now) {
                execs.untrack(*pid);
            }
            let mut fresh = now.difference(&self.tracked);
            if !fresh.all(|pid| execs.track(*pid)) {
                execs.listen();
            }
        }
        self.tracked = now;
    }

    fn play(&mut self, decision: &Decision, procs: &[Proc]) {
        let verdict = decision.verdicts.iter().find(|v| v.role == Role::Game);
        let program = verdict.and_then(|v| procs.iter().find(|p| p.pid == v.pid));
        let program = program.map_or_else(String::new, Proc::program);
        // A launcher may become its game by exec().
        let same = |v: &Verdict| {
            let playing = self.playing.as_ref();
            playing.is_some_and(|p| p.pid == v.pid && p.program == program)
        };
        match verdict {
            None => self.stop_playing(),
            Some(v) if same(v) => {
                if let Some(playing) = &mut self.playing {
                    playing.members.clone_from(&decision.members);
                }
            }
            Some(v) => {
                self.stop_playing();
                let members = decision.members.clone();
                info!(
                    "game: {} (pid {}), {} processes: {}",
                    v.name,
                    v.pid,
                    members.len(),
                    v.why
                );
                self.playing = Some(Playing {
                    pid: v.pid,
                    name: v.name.clone(),
                    program,
                    why: v.why.clone(),
                    members,
                    process: self.wait_for(v.pid),
                });
            }
        }
    }

    /// Has the end of a process reported. Without it the next look notices.
    fn wait_for(&self, pid: u32) -> Option<OwnedFd> {
        // SAFETY: no pointers are passed.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        // SAFETY: the kernel has just made the descriptor for us.
        let process = unsafe { OwnedFd::from_raw_fd(fd) };
        let event = EpollEvent::new(EpollFlags::EPOLLIN, ENDED);
        self.epoll.add(&process, event).ok()?;
        Some(process)
    }

    /// The game has ended: neutral at once, then see who is left.
    fn game_over(&mut self) {
        self.stop_playing();
        self.look_soon();
    }

    fn stop_playing(&mut self) {
        if let Some(playing) = self.playing.take() {
            info!("game over: {} (pid {})", playing.name, playing.pid);
            if let Some(process) = playing.process {
                // Closing alone would do it too; the set must not be left with it.
                let _ = self.epoll.delete(&process);
                drop(process);
            }
        }
    }
}

/// Whose children may be games: what stands in a game's place, and what starts one.
fn tracked(procs: &[Proc], decision: &Decision) -> HashSet<u32> {
    let groups = decision.verdicts.iter().filter(|v| v.role != Role::Other);
    let starters = procs.iter().filter(|p| names::starts_a_game(&p.comm));
    groups
        .map(|v| v.pid)
        .chain(starters.map(|p| p.pid))
        .collect()
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
