// SPDX-License-Identifier: GPL-2.0-only
//! A 60 Hz game whose frames are more than the CPUs of a last-level cache, beside work on all of them: frames do not
//! wait for each other in one cache while the other has other work. All of the game begins in the first cache: threads
//! that a new program happens to have in both are late too rarely to tell a scheduler that never takes frames elsewhere.

use crate::bench;
use crate::load::{bind_process, ids, llcs};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::frames::play_for;
use photon_bench::cell::START_LEAD_NS;
use photon_bench::sys::clock::NS_PER_MS;
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
/// For the rest of its threads to be made.
const ALL_MADE: Duration = Duration::from_millis(100);
/// Until all play and every CPU has work: let go before, they spread over idle CPUs. And less than the game has to settle.
const BOUND: Duration = Duration::from_nanos(START_LEAD_NS + 150 * NS_PER_MS);
/// Of 90. Where no CPU takes the frames of another cache, 85 to 90 are late beside hogs and 56 or 68 beside a compile;
/// else 0 to 12 in 16 games, and so many where all of the game stays in one cache and has just too little of it.
const MOST_LATE: f64 = 40.0;
/// What each game plays beside. Hogs leave no CPU idle, on which a thread would find to the other cache by itself.
const BESIDE: [&str; 2] = ["hogs", "compile"];

pub fn run(ctx: &Ctx) -> Outcome {
    let llcs = llcs();
    let [first, _, ..] = llcs.as_slice() else {
        return Err(Fail::skip("one last-level cache"));
    };
    let photon = Photon::start(ctx, &[])?;
    let games = BESIDE
        .iter()
        .map(|beside| play_gathered(ctx, beside, first));
    let games = games.collect::<Result<Vec<_>, _>>()?;
    photon.stop()?;
    Ok(json!({ "games": games }))
}

fn play_gathered(ctx: &Ctx, background: &str, on: &Range<usize>) -> Outcome {
    let report = std::thread::scope(|scope| {
        let gathered = scope.spawn(|| gather(on));
        let report = play_for(ctx, "60v", background, SECONDS, REPORT)?;
        let gathered = gathered.join();
        gathered.map_err(|_| Fail::failed("the gatherer panicked"))??;
        Ok::<_, Fail>(report)
    })?;
    let metric = |key| bench::metric(&report, key);
    let late = metric("frames_late")?;
    let metrics = json!({
        "frames_late": late, "frame_p50_ms": metric("frame_p50_ms")?, "frame_p99_ms": metric("frame_p99_ms")?,
    });
    match late > MOST_LATE {
        true => Err(Fail::failed(format!("frames in two caches: {metrics}"))),
        false => Ok(metrics),
    }
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
    std::thread::sleep(ALL_MADE);
    bind_process(&game, to.clone())?;
    std::thread::sleep(BOUND);
    bind_process(&game, 0..cpus())?;
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
