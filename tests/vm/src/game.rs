// SPDX-License-Identifier: GPL-2.0-only
//! A game of two threads, paced by a timer at 60 Hz, that faces a player (a mouse), and can be told to stutter for a
//! known cause in its next frame.

use crate::disk;
use crate::load::{bind, burn, pin};
use crate::scenario::Fail;
use crate::server::Server;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_SEC, mono_ns, sleep_until};
use photon_bench::sys::sched::{Policy, cpus, set_policy};
use photon_bench::sys::uinput::{Mouse, Reader};
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const PERIOD_NS: u64 = NS_PER_SEC / 60;
const GAME_NS: u64 = 3 * NS_PER_MS;
const RENDER_NS: u64 = 3 * NS_PER_MS;
/// Input reaches a process that faces the player more often than every 250 ms.
const INPUT_EVERY: Duration = Duration::from_millis(40);
/// Two refreshes and more: no doubt that the frame is late.
pub const LONG_NS: u64 = 45 * NS_PER_MS;
/// Frame threads on the render thread's CPU that were there first, and what each burns: less than a slice, and together
/// too much for the frame, in which the render thread may wait for 10.7 ms. Of six it waited for 12.8.
const BESIDE: usize = 8;
const BESIDE_NS: u64 = 5 * NS_PER_MS / 2;
/// Workers of a crowded frame, a CPU, and what each burns.
const CROWD_A_CPU: usize = 4;
const CROWD_NS: u64 = 9 * NS_PER_MS;
/// The budget of a frame while it is overdrawn, as scx_photon is told it.
pub const BUDGET: &str = "frame_budget_us=7000";
pub const BUDGET_RESET: &str = "frame_budget_us=reset";
/// With its usual work five slices and more above that, each of which it has to wait for. The wait is the cause if it is
/// two thirds of this or longer; of 10 ms, two slices, it was 8.1 ms once.
const OVER_BUDGET_NS: u64 = 25 * NS_PER_MS;
pub const RENDER_CPU: usize = 1;

/// What goes wrong in the next frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Nothing,
    /// The game computes for long.
    LongWork,
    /// The render thread sleeps, as if for a GPU.
    Sleep,
    /// Real-time tasks take every CPU.
    RealTime,
    /// The render thread may run on one CPU only, and other frame threads have it.
    Pinned,
    /// More workers than CPUs.
    Crowd,
    /// More CPU than a frame thread gets.
    OverBudget,
    /// The process is stopped by a signal.
    Stopped,
    /// The render thread sleeps uninterruptibly.
    Driver,
    /// It reads from a slow disk.
    Disk,
    /// It asks another process, which may run on one CPU only, and a real-time task has that.
    Server,
}

const TROUBLES: [Trouble; 11] = [
    Trouble::Nothing,
    Trouble::LongWork,
    Trouble::Sleep,
    Trouble::RealTime,
    Trouble::Pinned,
    Trouble::Crowd,
    Trouble::OverBudget,
    Trouble::Stopped,
    Trouble::Driver,
    Trouble::Disk,
    Trouble::Server,
];

struct Shared {
    stop: AtomicBool,
    next: AtomicUsize,
}

type Body = Box<dyn FnOnce(&Shared) -> io::Result<()> + Send>;

pub struct Game {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    /// Until the reader has ended: the device goes with the last who has it, and reading then is an error.
    _mouse: Arc<Mouse>,
}

/// Threads that burn once when they are told to and say when they are done.
struct Crew {
    go: Vec<Sender<u64>>,
    done: Receiver<()>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Crew {
    fn new(name: &str, n: usize, setup: fn(usize) -> io::Result<()>) -> io::Result<Self> {
        let (tell, done) = channel();
        let (mut go, mut threads) = (Vec::new(), Vec::new());
        for i in 0..n {
            let (sender, jobs) = channel::<u64>();
            let tell = tell.clone();
            let thread = std::thread::Builder::new().name(name.into());
            threads.push(thread.spawn(move || {
                setup(i)?;
                for ns in jobs {
                    burn(ns);
                    // Nobody listens only when the game ends.
                    let _ = tell.send(());
                }
                Ok(())
            })?);
            go.push(sender);
        }
        Ok(Crew { go, done, threads })
    }

    fn start(&self, ns: u64) {
        for go in &self.go {
            let _ = go.send(ns);
        }
    }

    fn end(self) {
        drop(self.go);
        for thread in self.threads {
            // A panic would be the scenario's own and is seen in its output.
            let _ = thread.join();
        }
    }

    fn start_one(&self, index: usize, ns: u64) {
        if let Some(go) = self.go.get(index) {
            let _ = go.send(ns);
        }
    }

    fn join_one(&self) {
        let _ = self.done.recv();
    }

    fn join(&self) {
        for _ in &self.go {
            let _ = self.done.recv();
        }
    }
}

impl Game {
    pub fn start() -> Result<Self, Fail> {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            next: AtomicUsize::new(0),
        });
        let mouse = Arc::new(Mouse::new("photon-guest mouse")?);
        let reader = Reader::open(mouse.node())?;
        let hand = Arc::clone(&mouse);
        let mut threads = Vec::new();
        let mut spawn = |name: &str, body: Body| {
            let shared = Arc::clone(&shared);
            let thread = std::thread::Builder::new().name(name.into());
            threads.push(thread.spawn(move || body(&shared))?);
            io::Result::Ok(())
        };
        spawn(
            "reader",
            Box::new(move |shared| {
                while !shared.stop.load(Ordering::Relaxed) {
                    reader.read(|_| ())?;
                }
                Ok(())
            }),
        )?;
        spawn(
            "hand",
            Box::new(move |shared| {
                loop {
                    // Once more after the end, so that the reader sees it.
                    let last = shared.stop.load(Ordering::Relaxed);
                    hand.report()?;
                    if last {
                        return Ok(());
                    }
                    std::thread::sleep(INPUT_EVERY);
                }
            }),
        )?;
        spawn("pace", Box::new(pace))?;
        Ok(Game {
            shared,
            threads,
            _mouse: mouse,
        })
    }

    /// The next frame has this trouble.
    pub fn trouble(&self, trouble: Trouble) {
        let index = TROUBLES.iter().position(|t| *t == trouble).unwrap_or(0);
        self.shared.next.store(index, Ordering::Relaxed);
    }

    pub fn finish(mut self) -> Result<(), Fail> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            ended.map_err(|_| Fail::failed("a thread of the game panicked"))??;
        }
        Ok(())
    }
}

/// `photon-guest hold game`: in a process of its own, until it is killed.
pub fn hold() -> ExitCode {
    let Ok(_game) = Game::start() else {
        return ExitCode::FAILURE;
    };
    loop {
        std::thread::park();
    }
}

/// The thread that sets the pace.
fn pace(shared: &Shared) -> io::Result<()> {
    let (frames, done, render) = renderer()?;
    let crowd = Crew::new("worker", CROWD_A_CPU * cpus(), |_| Ok(()))?;
    let beside = Crew::new("beside", BESIDE, |_| pin(RENDER_CPU))?;
    let rt = Crew::new("rthog", cpus(), |cpu| {
        pin(cpu)?;
        set_policy(Policy::Fifo(10))
    })?;
    // Where a real-time task takes the render thread's CPU, it is not to meet this one.
    if cpus() > RENDER_CPU + 1 {
        bind(RENDER_CPU + 1..cpus())?;
    }
    let mut last = Trouble::Nothing;
    while !shared.stop.load(Ordering::Relaxed) {
        sleep_until((mono_ns() / PERIOD_NS + 1) * PERIOD_NS)?;
        if last == Trouble::Pinned {
            // Done long ago: no frame waits for them.
            beside.join();
        }
        let trouble = TROUBLES[shared.next.swap(0, Ordering::Relaxed)];
        burn(GAME_NS);
        match trouble {
            Trouble::LongWork => burn(LONG_NS),
            Trouble::RealTime => rt.start(LONG_NS),
            Trouble::Pinned => beside.start(BESIDE_NS),
            Trouble::Server => {
                rt.start_one(RENDER_CPU, LONG_NS);
                // Until it has that CPU, which else may still look idle to whoever wakes the render thread.
                burn(GAME_NS);
            }
            Trouble::Stopped => stop_myself()?,
            Trouble::Crowd => {
                crowd.start(CROWD_NS);
                crowd.join();
            }
            Trouble::OverBudget => burn(OVER_BUDGET_NS),
            _ => {}
        }
        let _ = frames.send(trouble);
        let _ = done.recv();
        match trouble {
            Trouble::RealTime => rt.join(),
            Trouble::Server => rt.join_one(),
            _ => {}
        }
        last = trouble;
    }
    drop(frames);
    for crew in [crowd, beside, rt] {
        crew.end();
    }
    render.join().unwrap_or(Ok(()))
}

/// The render thread: what it is sent, what it answers, and itself.
type Renderer = (Sender<Trouble>, Receiver<()>, JoinHandle<io::Result<()>>);

fn renderer() -> io::Result<Renderer> {
    let (frames, to_render) = channel::<Trouble>();
    let (rendered, done) = channel::<()>();
    let mut server = Server::start()?;
    let thread = std::thread::Builder::new().name("render".into());
    let thread = thread.spawn(move || {
        for trouble in to_render {
            draw(trouble, &mut server)?;
            let _ = rendered.send(());
        }
        Ok(())
    })?;
    Ok((frames, done, thread))
}

/// Its part of a frame.
fn draw(trouble: Trouble, server: &mut Server) -> io::Result<()> {
    match trouble {
        Trouble::Sleep => sleep_until(mono_ns() + LONG_NS)?,
        Trouble::Driver => fork_and_wait(libc::CLONE_VFORK, || ())?,
        Trouble::Disk => disk::read()?,
        Trouble::Server => server.ask()?,
        Trouble::Pinned => {
            pin(RENDER_CPU)?;
            burn(RENDER_NS);
            crate::load::allow_all()?;
            return Ok(());
        }
        _ => {}
    }
    burn(RENDER_NS);
    Ok(())
}

/// Stops the whole process; a child lets it go on.
fn stop_myself() -> io::Result<()> {
    // SAFETY: no pointers.
    let me = unsafe { libc::getpid() };
    fork_and_wait(0, move || {
        // SAFETY: no pointers.
        unsafe { libc::kill(me, libc::SIGCONT) };
    })?;
    // SAFETY: no pointers.
    unsafe { libc::kill(me, libc::SIGSTOP) };
    Ok(())
}

/// A child that sleeps for LONG_NS, does something and ends. With CLONE_VFORK the parent sleeps uninterruptibly
/// until then, as it would in a driver.
fn fork_and_wait(flags: libc::c_int, last: impl Fn()) -> io::Result<()> {
    let flags = (flags | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: without CLONE_VM this is a fork: the child has memory of its own, and no stack is passed.
    let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match child {
        0 => {
            // Between fork and exit only system calls are made.
            let _ = sleep_until(mono_ns() + LONG_NS);
            last();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(0) }
        }
        c if c < 0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
