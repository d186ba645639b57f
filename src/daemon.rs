// SPDX-License-Identifier: GPL-2.0-only
//! The daemon: attaches the scheduler and waits. Nothing here is on the path of
//! a wakeup; the kernel part goes on if this process is stopped.

mod answer;

use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libbpf_rs::{RingBuffer, RingBufferBuilder};
use log::{info, warn};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::stat::{Mode, umask};

use answer::{Public, Sockets};

use crate::announce;
use crate::caps;
use crate::cli::Cli;
use crate::clock;
use crate::detect::hidden;
use crate::display::DisplayProbe;
use crate::drain::Drain;
use crate::ejection::{self, Exit};
use crate::games::Games;
use crate::latch;
use crate::loader::Scheduler;
use crate::model::Sample;
use crate::notify;
use crate::probe::InputProbe;
use crate::probes;
use crate::register::Registry;
use crate::shutdown::{Asked, Shutdown};
use crate::ticker::Ticker;
use crate::topology::{CpuMap, prefer::PreferCpus};
use crate::tuning::Tuning;
use crate::why::ring::WhyRing;

/// Tags of the epoll set.
const STOP: u64 = 0;
const RINGS: u64 = 1;
const STATS: u64 = 2;
const EXIT: u64 = 3;
const PROGRAMS: u64 = 4;
const REGISTER: u64 = 5;
const WHY: u64 = 6;
const ASKED: u64 = 7;
const TAGS: usize = 8;

/// Schedules until told to stop. Restarts only when the kernel asks for it, after
/// a CPU came or went; never after a stall.
pub fn run(cli: &Cli, shutdown: &Shutdown) -> Result<()> {
    if let PreferCpus::List(_) = cli.prefer_cpus {
        let map = CpuMap::detect(&cli.prefer_cpus)?;
        map.look_for_absent(&cli.prefer_cpus, cli.typed_prefer_cpus.is_some())?;
    }
    // What it makes in /run others may read and nobody else may write, whatever mask it was started with.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    if let Some(complaint) = hidden::complaint() {
        warn!("{complaint}");
    }
    let mut kept = Kept {
        tuning: Tuning::new(cli.layers.clone()),
        sockets: None,
        registry: None,
        tries: 0,
        reload: false,
        ready: false,
    };
    loop {
        if let Some(why) = caps::blocker().or_else(latch::blocker) {
            return Err(why.into());
        }
        let ended = match session(cli, &mut kept, shutdown) {
            Err(e) if kept.tries > 0 => {
                kept.tries -= 1;
                info!("not attached again yet: {e:#}");
                let asked = shutdown.wait(TRY_AGAIN)?;
                kept.reload |= asked == Asked::Reload;
                if asked != Asked::Stop {
                    continue;
                }
                None
            }
            ended => ended?,
        };
        match ended {
            None => {
                notify::tell(notify::STOPPING);
                info!("stopped on request; the default scheduler is back");
                return Ok(());
            }
            Some(exit) if exit.restart && !exit.must_stay_off() => {
                info!("restarting: {}", exit.text());
                kept.tries = TRIES_AGAIN;
            }
            Some(exit) => return Err(ejection::record(&exit).into()),
        }
    }
}

/// What outlives an attachment: the changes of `set` and SIGHUP, who is connected, and the games that `run` has
/// registered.
struct Kept {
    tuning: Tuning,
    sockets: Option<Sockets>,
    registry: Option<Registry>,
    /// How often an attachment may still fail: 0 but for those after hotplug.
    tries: u32,
    /// SIGHUP came while nothing was attached.
    reload: bool,
    /// Has the service manager been told? Once: what comes after hotplug is no start.
    ready: bool,
}

/// While several CPUs go, one may be gone in the midst of reading what there is.
const TRIES_AGAIN: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// One attachment. None when it ended on request.
fn session(cli: &Cli, kept: &mut Kept, shutdown: &Shutdown) -> Result<Option<Exit>> {
    let (mut object, mut probe_object) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let (mut display_object, mut exec_object) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let mut lock_object = MaybeUninit::uninit();
    let mut scheduler = Scheduler::load(cli, &mut object)?;
    if !scheduler.attach()? {
        scheduler.detach();
        return Ok(Some(scheduler.exit()));
    }
    kept.tries = 0;
    let probe = probes::input(cli, &scheduler, &mut probe_object);
    let display = probes::display(cli, &scheduler, &mut display_object);
    let exec = probes::exec(cli, &mut exec_object);
    let lock = probes::lock(cli, &scheduler, &mut lock_object);
    let tuning = &kept.tuning;
    let games = Games::new(exec, tuning.rules(), kept.registry.take())?;
    tuning.game_changed(&scheduler, &games)?;
    let sockets = kept.sockets.get_or_insert_with(Sockets::launch);
    let session = Session::new(&scheduler, probe, display, games, tuning, sockets)?;
    if std::mem::take(&mut kept.reload) {
        session.reload(cli)?;
    }
    // Last: who waits for this line may ask now.
    announce::start(
        &scheduler,
        &tuning.values(),
        session.probe.is_some(),
        session.display.as_ref(),
    )?;
    if !std::mem::replace(&mut kept.ready, true) {
        notify::tell(notify::READY);
    }
    let asked = session.run(cli, shutdown)?;
    // First of all: taking the probe off waits for every task to pass through the
    // kernel, a third of a second beside hogs on kernels before 7.
    scheduler.detach();
    kept.registry = session.games.into_inner().into_registry();
    drop(lock);
    // After the detachment, which waits for an ejection that is under way: it is remembered even if somebody has asked to
    // stop, which is what one does before a frozen screen.
    let exit = scheduler.exit();
    Ok((!asked || exit.must_stay_off()).then_some(exit))
}

/// What is open while the scheduler is attached.
struct Session<'s> {
    scheduler: &'s Scheduler<'s>,
    exits: RingBuffer<'s>,
    drain: Option<Drain<'s>>,
    probe: Option<InputProbe<'s>>,
    display: Option<DisplayProbe<'s>>,
    sockets: &'s Sockets,
    why: WhyRing<'s>,
    begun: Instant,
    /// As many as the log has been told of.
    malformed: Cell<u64>,
    public: Public,
    /// When the counters were last summed, ns: by the scheduler's clock, and by CLOCK_MONOTONIC. One sum has one time,
    /// whenever it is asked for.
    summed: Cell<(u64, u64)>,
    games: RefCell<Games<'s>>,
    tuning: &'s Tuning,
}

impl<'s> Session<'s> {
    fn new(
        scheduler: &'s Scheduler<'s>,
        probe: Option<InputProbe<'s>>,
        display: Option<DisplayProbe<'s>>,
        games: Games<'s>,
        tuning: &'s Tuning,
        sockets: &'s Sockets,
    ) -> Result<Self> {
        let drain = probe.as_ref().map(Drain::new).transpose()?;
        let mut exits = RingBufferBuilder::new();
        exits
            .add(scheduler.exits_map(), |_| 0)
            .context("adding the ring of exits")?;
        let exits = exits.build().context("mapping the ring of exits")?;
        Ok(Session {
            scheduler,
            exits,
            drain,
            probe,
            display,
            sockets,
            why: WhyRing::new(scheduler)?,
            begun: Instant::now(),
            malformed: Cell::new(0),
            public: Public::default(),
            summed: Cell::default(),
            games: RefCell::new(games),
            tuning,
        })
    }

    fn sample(&self) -> Result<Sample> {
        let mut sample = self.scheduler.sample()?;
        if sample.at_ns != self.summed.get().0 {
            let at_ns = clock::monotonic(sample.at_ns, clock::ahead(self.scheduler)?);
            self.summed.set((sample.at_ns, at_ns));
        }
        sample.at_ns = self.summed.get().1;
        if let (Some(probe), Some(drain)) = (&self.probe, &self.drain) {
            drain.drain()?;
            let totals = drain.totals();
            // They are counted for ever, and a client asks twice a second.
            if self.malformed.replace(totals.malformed) != totals.malformed {
                warn!(
                    "{} malformed events: kernel part and daemon disagree",
                    totals.malformed
                );
            }
            probe.fill(&mut sample, &totals);
        }
        if let Some(display) = &self.display {
            display.fill(&mut sample);
        }
        self.games.borrow().fill(&mut sample);
        Ok(sample)
    }

    fn epoll(&self, shutdown: &Shutdown) -> Result<Epoll> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("creating epoll")?;
        let add = |fd: BorrowedFd<'_>, tag| {
            epoll
                .add(fd, EpollEvent::new(EpollFlags::EPOLLIN, tag))
                .context("filling the epoll set")
        };
        add(shutdown.as_fd(), STOP)?;
        // SAFETY: the descriptor belongs to `exits`, which outlives the epoll set.
        let exits = unsafe { BorrowedFd::borrow_raw(self.exits.epoll_fd()) };
        add(exits, EXIT)?;
        if let Some(drain) = &self.drain {
            add(drain.fd(), RINGS)?;
        }
        if let Some(server) = &self.sockets.stats {
            add(server.fd(), STATS)?;
        }
        add(self.why.fd(), WHY)?;
        if let Some(socket) = &self.sockets.public {
            add(socket.fd(), ASKED)?;
        }
        let games = self.games.borrow();
        add(games.watch_fd(), PROGRAMS)?;
        if let Some(registry) = games.registry_fd() {
            add(registry, REGISTER)?;
        }
        Ok(epoll)
    }

    /// Waits until the kernel ends the scheduler, or somebody asks to stop: true.
    fn run(&self, cli: &Cli, shutdown: &Shutdown) -> Result<bool> {
        let epoll = self.epoll(shutdown)?;
        let mut ticker = Ticker::new(cli)?;
        loop {
            let mut events = [EpollEvent::empty(); TAGS];
            let n = match epoll.wait(&mut events, self.timeout(&ticker)?) {
                Err(nix::errno::Errno::EINTR) => 0,
                other => other.context("waiting for events")?,
            };
            for event in &events[..n] {
                match event.data() {
                    STOP if self.stops(cli, shutdown)? => return Ok(true),
                    STOP => {}
                    EXIT => self.exits.consume().context("reading the ring of exits")?,
                    WHY => self.why.beat(self.scheduler)?,
                    ASKED => self.serve(),
                    RINGS => self.drain.as_ref().map_or(Ok(()), Drain::drain)?,
                    PROGRAMS => self.games.borrow_mut().watch_ready()?,
                    REGISTER => self.games.borrow_mut().registry_ready(),
                    _ => self.answer(),
                }
            }
            if self.scheduler.exited() {
                return Ok(false);
            }
            self.play()?;
            self.beat(&mut ticker)?;
        }
    }

    /// A signal: to stop, or to read the configuration again.
    fn stops(&self, cli: &Cli, shutdown: &Shutdown) -> Result<bool> {
        let asked = shutdown.asked()?;
        if asked == Asked::Reload {
            self.reload(cli)?;
        }
        Ok(asked == Asked::Stop)
    }

    fn reload(&self, cli: &Cli) -> Result<()> {
        let mut games = self.games.borrow_mut();
        self.tuning.reload(self.scheduler, cli, &mut games)
    }

    /// Who plays, and what the configuration says for that game.
    fn play(&self) -> Result<()> {
        let mut games = self.games.borrow_mut();
        if games.tick(self.scheduler, self.display.as_ref())? {
            self.tuning.game_changed(self.scheduler, &games)?;
        }
        Ok(())
    }

    /// Until the next of both has something to do.
    fn timeout(&self, ticker: &Ticker) -> Result<EpollTimeout> {
        let games = self.games.borrow().timeout();
        let left = games.map_or(ticker.left(), |g| g.min(ticker.left()));
        // Rounded up, or the last millisecond would be spun through.
        let ms = left.as_millis() as u64 + 1;
        EpollTimeout::try_from(ms).context("epoll timeout")
    }
}

impl Session<'_> {
    /// What is to be done at every turn of the loop, a second or less.
    fn beat(&self, ticker: &mut Ticker) -> Result<()> {
        if let Some(elapsed) = ticker.due() {
            // Those of one period are not worth the scheduler.
            match self.sample() {
                Ok(sample) => ticker.print(sample, elapsed)?,
                Err(e) => warn!("no statistics: {e:#}"),
            }
        } else if let Some(drain) = &self.drain {
            drain.drain()?;
        }
        self.why.beat(self.scheduler)?;
        if let Some(socket) = &self.sockets.public {
            socket.tick()?;
        }
        Ok(())
    }
}
