// SPDX-License-Identifier: GPL-2.0-only
//! What it changes that a game is played: its own heavy work gets most of the machine beside hogs, the hogs keep their
//! bound, and all of it ends at once with the game, without a daemon after its lease, and never begins for a process
//! that has only said that it is a game. The game is a process that a real-time thread wakes, as a sound server would,
//! with two hogs a CPU; so it is also the faker that gets all that there is to get.

use crate::effects::USER;
use crate::load::{Done, Load, Worker};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::{Policy, cpus, set_policy};
use serde_json::json;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(10);
/// Sixteen frames make a game face the player; the daemon needs 30 ms and a beat of the timer.
pub const BEGIN: Duration = Duration::from_millis(600);
const MEASURE: Duration = Duration::from_millis(500);
/// The lease of a daemon that is stopped, and a beat.
const LEASE: Duration = Duration::from_millis(3300);
/// What is said of the end must be so within this.
const AT_ONCE: Duration = Duration::from_millis(100);
const HOGS_A_CPU: usize = 3;
pub const GAME_HOGS_A_CPU: usize = 2;
/// Of the machine, of what is two fifths by fair shares, 39 to 47 seen, and seven eighths of it while it is played, 84
/// and 85 seen: a fifth and more away from both.
pub const PLAYED_PERCENT: u64 = 70;
pub const NEUTRAL_PERCENT: u64 = 60;
/// What nobody's wait exceeds, played or not; and what every hog gets of a CPU beside a game.
const WAIT_NS: u64 = 200 * NS_PER_MS;
const HOG_PERMILLE: u64 = 10;

/// `photon-guest hold play`: hogs, and a thread that somebody wakes, until that one is gone.
pub fn game() -> ExitCode {
    let hogs = vec![Worker::hog("loader"); GAME_HOGS_A_CPU * cpus()];
    let Ok(_load) = Load::start(&hogs) else {
        return ExitCode::FAILURE;
    };
    let mut byte = [0];
    while std::io::stdin().read_exact(&mut byte).is_ok() {}
    // The hogs end with the process.
    std::process::exit(0)
}

pub fn run(ctx: &Ctx) -> Outcome {
    std::fs::copy("/proc/self/exe", "/tmp/quake")?;
    let photon = Photon::start(ctx, &STATS)?;
    let mut game = start(ctx, None)?;
    let frames = Frames::start(game.stdin.take())?;
    std::thread::sleep(BEGIN);
    let (played, hogs) = share(&game)?;
    bounded(&hogs)?;
    expect("while it is played", played, PLAYED_PERCENT..=100)?;
    photon.signal(libc::SIGSTOP);
    std::thread::sleep(LEASE);
    let (orphaned, _) = share(&game)?;
    photon.signal(libc::SIGCONT);
    expect("played on without a daemon", orphaned, 0..=NEUTRAL_PERCENT)?;
    let gone = end(&photon, game)?;
    drop(frames);
    let pretends = pretender(ctx, &photon)?;
    photon.stop()?;
    Ok(
        json!({"percent_played": played, "percent_without_daemon": orphaned, "percent_pretends": pretends,
        "demoted_after_the_end": gone}),
    )
}

/// `scx_photon run` as this user.
pub fn start(ctx: &Ctx, user: Option<u32>) -> Result<Child, Fail> {
    start_as(ctx, user, "play")
}

/// The same with another word for what it does.
pub fn start_as(ctx: &Ctx, user: Option<u32>, what: &str) -> Result<Child, Fail> {
    let mut command = Command::new(&ctx.scx_photon);
    command.args(["run", "--", "/tmp/quake", "hold", what]);
    command.stdin(Stdio::piped());
    if let Some(user) = user {
        command.uid(user);
    }
    Ok(command.spawn()?)
}

/// Registers, and no input reaches it: nothing is gained.
fn pretender(ctx: &Ctx, photon: &Photon) -> Result<u64, Fail> {
    let before = decided(photon)?;
    let mut faker = start(ctx, Some(USER))?;
    std::thread::sleep(BEGIN);
    let (percent, _) = share(&faker)?;
    let after = decided(photon)?;
    faker.kill()?;
    faker.wait()?;
    expect("by saying that it is a game", percent, 0..=NEUTRAL_PERCENT)?;
    match after - before {
        0 => Ok(percent),
        n => Err(Fail::failed(format!("{n} decisions for a pretender"))),
    }
}

/// Decisions that there were because a game is played.
fn decided(photon: &Photon) -> Result<u64, Fail> {
    let sample = Sample::settled(photon)?;
    Ok(sample.counter("game_demoted")? + sample.counter("class_game")?)
}

/// What the game gets of the machine beside hogs, percent, and the hogs' side of it.
pub fn share(game: &Child) -> Result<(u64, Vec<Done>), Fail> {
    share_of(game.id())
}

/// The same by its number; it must not be reaped before.
pub fn share_of(process: u32) -> Result<(u64, Vec<Done>), Fail> {
    let load = Load::start(&vec![Worker::hog("hog"); HOGS_A_CPU * cpus()])?;
    // A hog shows that it is one.
    std::thread::sleep(MEASURE / 2);
    let (begin, before) = (Instant::now(), cpu_ns(process)?);
    std::thread::sleep(MEASURE);
    let used = u128::from(cpu_ns(process)? - before);
    let machine = begin.elapsed().as_nanos() * cpus() as u128;
    Ok(((used * 100 / machine) as u64, load.finish()?))
}

pub fn expect(what: &str, percent: u64, range: std::ops::RangeInclusive<u64>) -> Result<(), Fail> {
    match range.contains(&percent) {
        true => Ok(()),
        false => Err(Fail::failed(format!(
            "{percent} % of the machine {what}, not {range:?}"
        ))),
    }
}

/// The game's work comes first, and no further.
fn bounded(hogs: &[Done]) -> Result<(), Fail> {
    let waited = hogs.iter().map(|h| h.max_wait_ns).max().unwrap_or(0);
    let least = hogs.iter().map(|h| h.cpu_ns * 1000 / h.wall_ns).min();
    match waited <= WAIT_NS && least >= Some(HOG_PERMILLE) {
        true => Ok(()),
        false => Err(Fail::failed(format!(
            "a hog waited {} ms, one got {least:?} permille of a CPU",
            waited / NS_PER_MS
        ))),
    }
}

/// Killed: within 100 ms nothing is decided for it any more. Returns what was, until then.
fn end(photon: &Photon, mut game: Child) -> Result<u64, Fail> {
    let load = Load::start(&vec![Worker::hog("hog"); HOGS_A_CPU * cpus()])?;
    // The daemon is back after a beat of its own, a second, and the hogs know it.
    std::thread::sleep(3 * MEASURE);
    let before = Sample::settled(photon)?.counter("game_demoted")?;
    game.kill()?;
    game.wait()?;
    std::thread::sleep(AT_ONCE);
    let at_end = Sample::settled(photon)?.counter("game_demoted")?;
    let later = Sample::settled(photon)?.counter("game_demoted")?;
    load.finish()?;
    match before > 0 && later == at_end {
        true => Ok(at_end - before),
        false => Err(Fail::failed(format!(
            "still played after its end: {before}, {at_end}, then {later} demoted"
        ))),
    }
}

/// CPU time of all threads of a process, which must not be reaped before.
pub fn cpu_ns(process: u32) -> Result<u64, Fail> {
    let (mut clock, mut time) = (
        0,
        libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        },
    );
    // SAFETY: two live variables of the types the calls want; the process is not reaped yet.
    let rc = unsafe {
        match libc::clock_getcpuclockid(process as libc::pid_t, &mut clock) {
            0 => libc::clock_gettime(clock, &mut time),
            error => error,
        }
    };
    match rc {
        0 => Ok(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64),
        _ => Err(Fail::failed("no CPU clock of the game")),
    }
}

/// A real-time thread that wakes the game at every frame.
pub struct Frames {
    stop: Arc<AtomicBool>,
    /// What it says at the next frame.
    word: Arc<AtomicU8>,
}

impl Frames {
    pub fn start(pipe: Option<ChildStdin>) -> Result<Self, Fail> {
        let mut pipe = pipe.ok_or_else(|| Fail::failed("no pipe to the game"))?;
        let stop = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&stop);
        let word = Arc::new(AtomicU8::new(0));
        let next = Arc::clone(&word);
        std::thread::Builder::new()
            .name("frames".into())
            .spawn(move || {
                let real_time = set_policy(Policy::Fifo(1));
                while real_time.is_ok() && !over.load(Ordering::Relaxed) {
                    if pipe.write_all(&[next.swap(0, Ordering::Relaxed)]).is_err() {
                        break;
                    }
                    std::thread::sleep(FRAME);
                }
            })?;
        Ok(Frames { stop, word })
    }

    /// Tells the game something with the next frame.
    pub fn say(&self, word: u8) {
        self.word.store(word, Ordering::Relaxed);
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
