// SPDX-License-Identifier: GPL-2.0-only
//! A process that a game forks is of its family at once: it gets most of the machine beside hogs although the daemon,
//! which is stopped, has never seen it. One that has executed another program is not until the daemon has had its look,
//! and a little after that it is.

use crate::load::{Load, Worker};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::family::{
    BEGIN, Frames, GAME_HOGS_A_CPU, NEUTRAL_PERCENT, PLAYED_PERCENT, expect, share_of, start_as,
};
use crate::scenarios::games::child_of;
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// What the game is told: fork, fork and execute, and have no child any more.
const FORK: u8 = b'f';
const EXECUTE: u8 = b'x';
const ALONE: u8 = b'a';
/// The game hears it with its next frame, 10 ms later at most.
const HEARD: Duration = Duration::from_millis(50);
/// The daemon has said again who plays: once a second.
const SAID: Duration = Duration::from_millis(1300);
/// It looks 30 ms after a program has started.
const LOOKED: Duration = Duration::from_millis(300);

/// `photon-guest hold kin`: does as it is told, by somebody who wakes it.
pub fn game() -> ExitCode {
    let mut byte = [0];
    let mut child = None;
    while std::io::stdin().read_exact(&mut byte).is_ok() {
        match byte[0] {
            word @ (FORK | EXECUTE) => child = fork(word == EXECUTE),
            ALONE => end(child.take()),
            _ => {}
        }
    }
    end(child);
    ExitCode::SUCCESS
}

fn fork(execute: bool) -> Option<libc::pid_t> {
    // SAFETY: this process has one thread, so the child may do what it likes.
    match unsafe { libc::fork() } {
        0 if execute => {
            let error = Command::new("/tmp/quake").args(["hold", "work"]).exec();
            eprintln!("hold work: {error}");
            std::process::exit(1)
        }
        0 => {
            let _ = work();
            std::process::exit(1)
        }
        child => (child > 0).then_some(child),
    }
}

fn end(child: Option<libc::pid_t>) {
    if let Some(child) = child {
        // SAFETY: a child of ours that nobody has waited for, and no pointer that is looked at.
        unsafe {
            libc::kill(child, libc::SIGKILL);
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
    }
}

/// `photon-guest hold work`: hogs, until it is killed.
pub fn work() -> ExitCode {
    // SAFETY: no pointers. Nothing is to burn on after the game has failed.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let Ok(_load) = Load::start(&vec![Worker::hog("loader"); GAME_HOGS_A_CPU * cpus()]) else {
        return ExitCode::FAILURE;
    };
    loop {
        std::thread::park();
    }
}

pub fn run(ctx: &Ctx) -> Outcome {
    std::fs::copy("/proc/self/exe", "/tmp/quake")?;
    let photon = Photon::start(ctx, &[])?;
    let mut game = start_as(ctx, None, "kin")?;
    let frames = Frames::start(game.stdin.take())?;
    std::thread::sleep(BEGIN);
    photon.signal(libc::SIGSTOP);
    let (forked, _) = child_share(&frames, game.id(), FORK)?;
    frames.say(ALONE);
    photon.signal(libc::SIGCONT);
    std::thread::sleep(SAID);
    photon.signal(libc::SIGSTOP);
    let (executed, child) = child_share(&frames, game.id(), EXECUTE)?;
    photon.signal(libc::SIGCONT);
    std::thread::sleep(LOOKED);
    let (judged, _) = share_of(child)?;
    drop(frames);
    game.wait()?;
    photon.stop()?;
    expect("by being forked", forked, PLAYED_PERCENT..=100)?;
    expect("as another program", executed, 0..=NEUTRAL_PERCENT)?;
    expect("by the daemon's word", judged, PLAYED_PERCENT..=100)?;
    Ok(json!({"percent_forked": forked, "percent_executed": executed, "percent_judged": judged}))
}

/// What the child that the game is told to have gets of the machine, percent, and its number.
fn child_share(frames: &Frames, game: u32, word: u8) -> Result<(u64, u32), Fail> {
    frames.say(word);
    std::thread::sleep(HEARD);
    let child = child_of(game)? as u32;
    let (percent, _) = share_of(child)?;
    Ok((percent, child))
}
