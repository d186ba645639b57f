// SPDX-License-Identifier: GPL-2.0-only
//! A 60 Hz game whose frames are more than the CPUs of a last-level cache, beside a compile on all of them: frames do not
//! wait for each other in one cache while the other compiles. All of the game begins in the first cache: threads that a new
//! program happens to have in both are late too rarely to tell a scheduler that never takes frames elsewhere.

use crate::bench;
use crate::load::{bind_thread, llcs};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play_for;
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SECONDS: &str = "1.5";
const REPORT: &str = "/tmp/caches.json";
/// A thread that the game alone has.
const OF_THE_GAME: &str = "InputReader";
const POLL: Duration = Duration::from_millis(10);
const GIVE_UP: Duration = Duration::from_secs(5);
/// More than its threads need to come where they may be, and less than the game has to settle.
const BOUND: Duration = Duration::from_millis(100);
/// One game in ten has its threads in both caches again before it is measured, where no CPU takes the frames of another
/// cache; hardly three of three.
const GAMES: usize = 3;
/// Of the 90 frames of each. In such a cache 5 to 58 are late in a game; else 2 at most in forty.
const MOST_LATE: f64 = 27.0;

pub fn run(ctx: &Ctx) -> Outcome {
    let llcs = llcs();
    let [first, _, ..] = llcs.as_slice() else {
        return Err(Fail::skip("one last-level cache"));
    };
    let photon = Photon::start(ctx, &[])?;
    let games = (0..GAMES).map(|_| play_gathered(ctx, first));
    let games = games.collect::<Result<Vec<_>, _>>()?;
    photon.stop()?;
    let late = games.iter().filter_map(|game| game["frames_late"].as_f64());
    let late: f64 = late.sum();
    let metrics = json!({ "games": games, "late": late });
    match late > MOST_LATE {
        true => Err(Fail::failed(format!("frames in two caches: {metrics}"))),
        false => Ok(metrics),
    }
}

fn play_gathered(ctx: &Ctx, on: &Range<usize>) -> Outcome {
    let report = std::thread::scope(|scope| {
        let gathered = scope.spawn(|| gather(on));
        let report = play_for(ctx, "60v", "compile", SECONDS, REPORT)?;
        let gathered = gathered.join();
        gathered.map_err(|_| Fail::failed("the gatherer panicked"))??;
        Ok::<_, Fail>(report)
    })?;
    let metric = |key| bench::metric(&report, key);
    Ok(json!({
        "frames_late": metric("frames_late")?, "frame_p50_ms": metric("frame_p50_ms")?, "frame_p99_ms": metric("frame_p99_ms")?,
    }))
}

/// Binds the game to these CPUs, and lets it go.
fn gather(to: &Range<usize>) -> Result<(), Fail> {
    let begin = Instant::now();
    let game = loop {
        match game()? {
            Some(process) => break process,
            None if begin.elapsed() > GIVE_UP => return Err(Fail::failed("no game has begun")),
            None => std::thread::sleep(POLL),
        }
    };
    std::thread::sleep(BOUND); // for the rest of its threads
    for range in [to.clone(), 0..cpus()] {
        for tid in ids(&game.join("task"))? {
            bind_thread(tid, range.clone())?;
        }
        std::thread::sleep(BOUND);
    }
    Ok(())
}

/// The directory of the game's process, once it has its first thread.
fn game() -> Result<Option<PathBuf>, Fail> {
    let begun = |process: &PathBuf| {
        let threads = ids(&process.join("task")).unwrap_or_default(); // of a process that ended none
        let name = |tid| std::fs::read_to_string(process.join(format!("task/{tid}/comm")));
        let mut names = threads.into_iter().map(name);
        names.any(|name| name.is_ok_and(|name| name.trim() == OF_THE_GAME))
    };
    let processes = ids(Path::new("/proc"))?.into_iter();
    Ok(processes
        .map(|pid| Path::new("/proc").join(pid.to_string()))
        .find(begun))
}

/// The numbers that are names in this directory.
fn ids(directory: &Path) -> Result<Vec<libc::pid_t>, Fail> {
    let names = std::fs::read_dir(directory)?.flatten();
    Ok(names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect())
}
