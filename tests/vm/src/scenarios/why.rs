// SPDX-License-Identifier: GPL-2.0-only
//! Stutters of known causes, injected one at a time, and what `scx_photon why` says of them, asked by a user who is
//! not root. Beside the strongest ordinary load there must be none: not even with slices so long that a frame which does
//! not preempt comes too late. `--load`: that alone.

use crate::disk;
use crate::game::{BUDGET, BUDGET_RESET, Game, Trouble};
use crate::neighbour::Neighbour;
use crate::oneshot::{self, NOBODY};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

/// The window of the daemon's choice of a process, and frames enough to know the usual one.
const WARM_UP: Duration = Duration::from_millis(4000);
/// The daemon looks at frames that are half a second old.
const SETTLE: Duration = Duration::from_millis(800);
/// A frame over its budget waits for five rounds of the crowd, 32 ms or more each.
const SETTLE_CROWDED: Duration = Duration::from_millis(1600);
/// Hogs a CPU: whoever waits among them waits for longer than he ran.
const CROWD: usize = 8;
/// Sixty frames beside a load.
const QUIET: Duration = Duration::from_millis(1000);

/// A trouble and, as a JSON pointer and its value, the right answer.
type Case = (Trouble, &'static str, &'static str);
/// The line, and what is wrong with it.
type Said = (String, Option<String>);

const CASES: [Case; 10] = [
    (Trouble::LongWork, "/cause/kind", "ran"),
    (Trouble::Sleep, "/cause/why", "other"),
    (Trouble::RealTime, "/cause/behind", "real_time"),
    (Trouble::Pinned, "/cause/behind", "pinned"),
    (Trouble::Crowd, "/cause/kind", "crowded"),
    (Trouble::Stopped, "/cause/why", "stopped"),
    (Trouble::Driver, "/cause/why", "driver"),
    (Trouble::Disk, "/cause/why", "disk"),
    (Trouble::Server, "/cause/wait/thread", "server"),
    (Trouble::OverBudget, "/cause/behind", "budget"),
];

pub fn run(ctx: &Ctx) -> Outcome {
    disk::load()?;
    let photon = Photon::start(ctx, &[])?;
    let game = Game::start()?;
    std::thread::sleep(WARM_UP);
    let mut known = why(ctx)?.1.len();
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    let load_alone = ctx.flag("--load");
    let cases = if load_alone { &[] } else { &CASES[..] };
    for case in cases {
        let (line, fault) = match case.0 {
            Trouble::OverBudget => beside_hogs(ctx, &game, &mut known, case)?,
            _ => inject(ctx, &game, &mut known, case)?,
        };
        lines.push(line);
        wrong.extend(fault);
    }
    if !wrong.is_empty() {
        return Err(Fail::failed(wrong.join("; ")));
    }
    set(ctx, "slice_us=20000")?;
    let hogs = Neighbour::hogs(2, -20)?;
    known = quiet(ctx, known, "beside hogs at nice -20")?;
    hogs.finish()?;
    set(ctx, "slice_us=reset")?;
    let storm = Neighbour::fork_storm()?;
    quiet(ctx, known, "beside a fork storm")?;
    storm.finish()?;
    game.finish()?;
    photon.stop()?;
    Ok(json!({"lines": lines}))
}

/// What `why` says of a trouble, and what is wrong with it. `known` are the stutters before, and after it.
fn inject(ctx: &Ctx, game: &Game, known: &mut usize, case: &Case) -> Result<Said, Fail> {
    let (trouble, pointer, answer) = *case;
    // Beside a crowd it may make more than one frame late.
    let (settle, looked_at) = match trouble {
        Trouble::OverBudget => (SETTLE_CROWDED, usize::MAX),
        _ => (SETTLE, 1),
    };
    game.trouble(trouble);
    std::thread::sleep(settle);
    let (text, stutters) = why(ctx)?;
    let new = stutters.get(*known..).unwrap_or_default();
    let is_right = |s: &Value| s.pointer(pointer).and_then(Value::as_str) == Some(answer);
    let right = new.iter().take(looked_at).position(is_right);
    let told = *known + right.unwrap_or(0);
    let line = text.lines().nth(told).unwrap_or_default().to_string();
    ctx.log(format!("{trouble:?}: {line}"));
    let fault = (right.is_none()).then(|| format!("{trouble:?}: not {answer}: {}", json!(new)));
    *known = stutters.len();
    Ok((line, fault))
}

/// What a budget is for shows only beside other work.
fn beside_hogs(ctx: &Ctx, game: &Game, known: &mut usize, case: &Case) -> Result<Said, Fail> {
    set(ctx, BUDGET)?;
    let hogs = Neighbour::hogs(CROWD, 0)?;
    *known = quiet(ctx, *known, "beside hogs")?;
    let said = inject(ctx, game, known, case)?;
    hogs.finish()?;
    set(ctx, BUDGET_RESET)?;
    Ok(said)
}

fn set(ctx: &Ctx, assignment: &str) -> Result<(), Fail> {
    let ended = oneshot::run(Command::new(&ctx.scx_photon).args(["set", assignment]))?;
    match ended.code {
        Some(0) => Ok(()),
        code => Err(Fail::failed(format!(
            "set {assignment}: {code:?} {}",
            ended.stderr
        ))),
    }
}

/// No stutter for a while.
fn quiet(ctx: &Ctx, known: usize, what: &str) -> Result<usize, Fail> {
    // The beginning of the load is not its steady state: what it does is told and not judged.
    std::thread::sleep(SETTLE);
    let (text, begin) = why(ctx)?;
    let lines: Vec<&str> = text.lines().collect();
    for (line, all) in lines.iter().zip(&begin).skip(known) {
        ctx.log(format!("{what}, at its beginning: {line} {}", all["waits"]));
    }
    let known = begin.len();
    std::thread::sleep(QUIET);
    let (text, stutters) = why(ctx)?;
    match stutters.get(known..) {
        Some([]) | None => Ok(stutters.len()),
        Some(new) => Err(Fail::failed(format!(
            "{what}: {} stutters: {text} {}",
            new.len(),
            json!(new)
        ))),
    }
}

/// The lines and the stutters, as anybody may ask for them.
fn why(ctx: &Ctx) -> Result<(String, Vec<Value>), Fail> {
    let ask = |more: &[&str]| {
        let mut command = Command::new(&ctx.scx_photon);
        let ended = oneshot::run(command.arg("why").args(more).uid(NOBODY).gid(NOBODY))?;
        match ended.code {
            Some(0) => Ok(ended.stdout),
            code => Err(Fail::failed(format!(
                "why ended with {code:?}: {}",
                ended.stderr
            ))),
        }
    };
    let report: Value = serde_json::from_str(&ask(&["--json"])?)?;
    let stutters = report["stutters"].as_array().cloned().unwrap_or_default();
    Ok((ask(&[])?, stutters))
}
