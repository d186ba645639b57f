// SPDX-License-Identifier: GPL-2.0-only
//! A game that Steam's reaper starts is found at once and forgotten at once; a command that another user runs by
//! `scx_photon run` is one too; without a daemon that command just runs. Programs that start all the time cost the
//! daemon nearly nothing, and yet one of them is found when it is moved into a cgroup that says that it is a game.

use crate::effects::USER;
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// From the start of the game's program, or from its end.
const LIMIT: Duration = Duration::from_millis(100);
const GIVE_UP: Duration = Duration::from_secs(10);
const PROGRAMS: u32 = 500;
/// After the attach the daemon looks around, and then rests for longer than the look took.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// After a game's end the daemon looks around for 15 s.
const LOOKS_END: Duration = Duration::from_secs(16);
/// 0.1 % of a CPU at 500 programs a second.
const NS_A_PROGRAM: u64 = 2_000;

pub fn run(ctx: &Ctx) -> Outcome {
    // Programs are known by their files' names.
    for name in ["reaper", "quake"] {
        std::fs::copy("/proc/self/exe", format!("/tmp/{name}"))?;
    }
    let photon = Photon::start(ctx, &[])?;
    std::thread::sleep(FIRST_LOOK);
    let (found, gone) = by_reaper(&photon)?;
    by_run(ctx, &photon)?;
    let cost = of_programs(&photon)?;
    let moved = by_move(&photon)?;
    photon.stop()?;
    let status = Command::new(&ctx.scx_photon)
        .args(["run", "--", "/tmp/quake", "hold", "0"])
        .status()?;
    if !status.success() {
        return Err(Fail::failed(format!(
            "without a daemon the game ended with {status}"
        )));
    }
    Ok(
        json!({"found_ms": found.as_millis() as u64, "gone_ms": gone.as_millis() as u64, "ns_a_program": cost,
            "moved_ms": moved.as_millis() as u64}),
    )
}

/// What the programs of this scenario do: sleep; with Steam's arguments start a game first and wait for its end.
pub fn hold(args: &[&str]) -> ExitCode {
    if args.contains(&"SteamLaunch") {
        let ended = Command::new("/tmp/quake").arg("hold").status();
        return ExitCode::from(u8::from(ended.is_err()));
    }
    let seconds = args.first().and_then(|s| s.parse().ok());
    std::thread::sleep(Duration::from_secs(seconds.unwrap_or(GIVE_UP.as_secs())));
    ExitCode::SUCCESS
}

fn by_reaper(photon: &Photon) -> Result<(Duration, Duration), Fail> {
    let begin = Instant::now();
    let mut reaper = Command::new("/tmp/reaper")
        .args(["hold", "SteamLaunch", "AppId=7"])
        .spawn()?;
    let found = logged(photon, "game: quake", begin)?;
    let game = child_of(reaper.id())?;
    let begin = Instant::now();
    // SAFETY: kill takes no pointers; the process lives until it is waited for by the reaper.
    unsafe { libc::kill(game, libc::SIGKILL) };
    let gone = logged(photon, "game over: quake", begin)?;
    reaper.wait()?;
    if found > LIMIT || gone > LIMIT {
        return Err(Fail::failed(format!(
            "found after {found:?}, forgotten after {gone:?}"
        )));
    }
    Ok((found, gone))
}

fn by_run(ctx: &Ctx, photon: &Photon) -> Result<(), Fail> {
    let begin = Instant::now();
    let mut game: Child = Command::new(&ctx.scx_photon)
        .args(["run", "--", "/tmp/quake", "hold"])
        .uid(USER)
        .spawn()?;
    logged(
        photon,
        &format!("of user {USER} says that it is a game"),
        begin,
    )?;
    logged(photon, "it was started by `scx_photon run`", begin)?;
    game.kill()?;
    game.wait()?;
    Ok(())
}

/// When the log said so.
fn logged(photon: &Photon, what: &str, begin: Instant) -> Result<Duration, Fail> {
    photon.says(what, 1, GIVE_UP.saturating_sub(begin.elapsed()))?;
    Ok(begin.elapsed())
}

pub fn child_of(pid: u32) -> Result<libc::pid_t, Fail> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    let child = text.split_whitespace().next().and_then(|c| c.parse().ok());
    child.ok_or_else(|| Fail::failed(format!("process {pid} has no child")))
}

/// The daemon's own CPU time for each program that starts, ns.
fn of_programs(photon: &Photon) -> Result<u64, Fail> {
    std::thread::sleep(LOOKS_END);
    let before = photon.run_ns()?;
    for _ in 0..PROGRAMS {
        Command::new("/tmp/quake").args(["hold", "0"]).status()?;
    }
    let cost = (photon.run_ns()? - before) / u64::from(PROGRAMS);
    match cost <= NS_A_PROGRAM {
        true => Ok(cost),
        false => Err(Fail::failed(format!(
            "{cost} ns of the daemon's time a program"
        ))),
    }
}

/// As GNOME's shell has it done. After `of_programs`: of the program nothing is told any more, and no look is due.
fn by_move(photon: &Photon) -> Result<Duration, Fail> {
    let scope = Path::new("/sys/fs/cgroup/app-steam-app9-1.scope");
    std::fs::create_dir(scope)?;
    let mut game = Command::new("/tmp/quake").arg("hold").spawn()?;
    let begin = Instant::now();
    std::fs::write(scope.join("cgroup.procs"), game.id().to_string())?;
    let found = logged(photon, "its cgroup is that of a Steam game", begin);
    game.kill()?;
    game.wait()?;
    std::fs::remove_dir(scope)?;
    match found? {
        found if found <= LIMIT => Ok(found),
        found => Err(Fail::failed(format!("moved, and found after {found:?}"))),
    }
}
