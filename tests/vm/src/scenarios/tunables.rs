// SPDX-License-Identifier: GPL-2.0-only
//! Tunables while the scheduler runs: who may change them, how soon it is so, what is refused, what a game's section
//! and SIGHUP do, and that all is as before for the next one. Then, in the same attachment, what tunables do: each is
//! set low and high beside the same load, and a counter or a share must move in the direction that the help
//! says. Of every tunable the native tests of the policy show it too (`tests/policy/tunables.c`).

use crate::asked::{PUBLIC, ask, holds_for};
use crate::effects::{Daemon, EFFECTS, USER, grows, shrinks};
use crate::photon::Photon;
use crate::sample::STATS;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::family::{self, BEGIN, Frames};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const CONFIG: &str = "/tmp/photon.toml";
const VISIBLE: Duration = Duration::from_millis(100);

pub fn run(ctx: &Ctx) -> Outcome {
    std::fs::copy("/proc/self/exe", "/tmp/quake")?;
    let section = "[[game]]\nprogram = \"Quake\"\ntunables.frame_budget_us = 9000\n";
    std::fs::write(CONFIG, section)?;
    let flags: Vec<&str> = ["--config", CONFIG].into_iter().chain(STATS).collect();
    let daemon = Daemon {
        ctx,
        photon: Photon::start(ctx, &flags)?,
    };
    let visible = changes(&daemon)?;
    let mut effects = json!({});
    for (name, effect) in EFFECTS {
        effects[name] = json!(effect(&daemon).map_err(|e| e.in_context(name))?);
    }
    beside_a_game(&daemon, &mut effects)?;
    daemon.set(&["slice_us=1234"])?;
    daemon.photon.stop()?;
    let daemon = Daemon {
        ctx,
        photon: Photon::start(ctx, &[])?,
    };
    daemon.is("slice_us", 3000)?;
    daemon.photon.stop()?;
    Ok(json!({"visible_ms": visible.as_millis() as u64, "low_and_high": effects}))
}

/// Who, what and how soon. Returns how long a change took, the command's own start included.
fn changes(daemon: &Daemon<'_>) -> Result<Duration, Fail> {
    let begin = Instant::now();
    daemon.set(&["slice_us=2000", "min-run-us=2000"])?;
    let visible = begin.elapsed();
    daemon.is("slice_us", 2000)?;
    daemon.is("min_run_us", 2000)?;
    let refused = [
        (["slice_us=3000"], USER, 3, "only root"),
        (["slice_us=1"], 0, 2, "500 to 20000 us"),
        (["slices=1"], 0, 2, "no tunable is called slices"),
    ];
    for (arguments, user, code, text) in refused {
        let ended = daemon.ask(&arguments, user)?;
        if ended.code != Some(code) || !ended.stderr.contains(text) {
            return Err(Fail::failed(format!(
                "{arguments:?} by user {user}: {ended:?}"
            )));
        }
    }
    set_without_the_command()?;
    daemon.is("slice_us", 2000)?;
    daemon.set(&["slice_us=reset", "min_run_us=reset"])?;
    daemon.is("slice_us", 3000)?;
    let reread = reload(daemon)?;
    match visible.max(reread) <= VISIBLE {
        true => Ok(visible.max(reread)),
        false => Err(Fail::failed(format!(
            "set took {visible:?}, SIGHUP {reread:?}"
        ))),
    }
}

/// The command refuses by itself; the daemon must, too.
fn set_without_the_command() -> Result<(), Fail> {
    let request = r#"{"req":"set","args":{"slice_us":"3000"}}"#;
    let refused = || ask(PUBLIC, request).is_ok_and(|line| line.contains("only root"));
    match holds_for(USER, refused)? {
        true => Ok(()),
        false => Err(Fail::failed("the daemon does not refuse `set` of a user")),
    }
}

/// SIGHUP: the file again; a wrong one changes nothing.
fn reload(daemon: &Daemon<'_>) -> Result<Duration, Fail> {
    let old = std::fs::read_to_string(CONFIG)?;
    std::fs::write(CONFIG, format!("{old}[tunables]\nslice_us = 4000\n"))?;
    let begin = Instant::now();
    daemon.photon.signal(libc::SIGHUP);
    while !daemon.photon.log().contains("slice_us=4000") {
        if begin.elapsed() > 10 * VISIBLE {
            return Err(Fail::failed(format!(
                "not read again: {}",
                daemon.photon.log()
            )));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = begin.elapsed();
    daemon.is("slice_us", 4000)?;
    std::fs::write(CONFIG, "[tunables]\nslice_us = 1\n")?;
    daemon.photon.signal(libc::SIGHUP);
    std::thread::sleep(VISIBLE);
    daemon.is("slice_us", 4000)?;
    std::fs::write(CONFIG, old)?;
    daemon.photon.signal(libc::SIGHUP);
    std::thread::sleep(VISIBLE);
    daemon.is("slice_us", 3000)?;
    Ok(took)
}

/// What is to be seen only while a game is played.
fn beside_a_game(daemon: &Daemon<'_>, effects: &mut Value) -> Result<(), Fail> {
    let mut game = family::start(daemon.ctx, None)?;
    let frames = Frames::start(game.stdin.take())?;
    std::thread::sleep(BEGIN);
    daemon.is("frame_budget_us", 9000)?;
    // Permille of the machine that is left to others.
    let others = || family::share(&game).map(|(percent, _)| 1000 - 10 * percent.min(100));
    let demoted = || daemon.counted(&["game_demoted"], || others().map(drop));
    effects["game_class"] = json!(shrinks(daemon.both("game_class", [0, 1], others)?)?);
    effects["game_deadline_us"] = json!(grows(daemon.both(
        "game_deadline_us",
        [6000, 60_000],
        // Of one measurement each the factor was 1.5 to 1.7.
        || Ok(others()? + others()?)
    )?)?);
    effects["batch_deadline_us"] = json!(shrinks(daemon.both(
        "batch_deadline_us",
        [10_000, 80_000],
        others
    )?)?);
    effects["batch_demotion"] = json!(grows(daemon.both("batch_demotion", [0, 1], demoted)?)?);
    // Nothing reaches the game any more: it is played for as long as it faces the player.
    daemon.set(&["facing_ms=100"])?;
    std::thread::sleep(VISIBLE);
    drop(frames);
    std::thread::sleep(4 * VISIBLE);
    match demoted()? {
        0 => effects["facing_ms"] = json!([0]),
        n => {
            return Err(Fail::failed(format!(
                "{n} demoted for a game that nobody looks at"
            )));
        }
    }
    game.kill()?;
    game.wait()?;
    std::thread::sleep(VISIBLE);
    daemon.is("frame_budget_us", 14_000)
}
