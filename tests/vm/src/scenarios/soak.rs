// SPDX-License-Identifier: GPL-2.0-only
//! Faults at random beside a game, drawn from a seed, for as long as is asked. It must stay attached, lose nobody and
//! leak nothing; the daemon is killed and a CPU taken away now and then. For CPUs that run in parallel, where races show
//! and times mean little. Arguments: `--seed S`, `--seconds N`.

use super::fault::{one, was_skipped};
use crate::fault::{FAULTS, Fault, Slack};
use crate::killed::Killed;
use crate::photon::{Photon, scx_state};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::rng::Stream;
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SECONDS: u64 = 120;
/// A virtual CPU may be off its host CPU for a long time; only the kernel's watchdog is still a bound.
const SLACK: Slack = 20;
/// Once in so many rounds.
const KILL_ONE_IN: u64 = 8;
const HOTPLUG_ONE_IN: u64 = 6;
const GAME_ONE_IN: u64 = 2;
const GAME_SECONDS: &str = "20";
const BACK_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

pub fn run(ctx: &Ctx) -> Outcome {
    let seed = ctx.number("--seed", 1)?;
    let length = Duration::from_secs(ctx.number("--seconds", SECONDS)?);
    let draw = Stream::new(seed, "soak", 0);
    let begin = Instant::now();
    let mut photon = Photon::start(ctx, &STATS)?;
    let (mut done, mut round) = (BTreeMap::<&str, u64>::new(), 0);
    while begin.elapsed() < length {
        let once_in = |n: u64, index: u64| draw.range(round, index, 1, n) == 1;
        let fault = pick(&draw, round);
        ctx.log(format!("round {round}: {}", fault.name));
        let game = once_in(GAME_ONE_IN, 1)
            .then(|| start_game(ctx))
            .transpose()?;
        let amount = draw.range(round, 2, 1, fault.short);
        let before = Sample::settled(&photon)?;
        let (row, _) = one(&photon, fault, amount, SLACK, &before)
            .map_err(|f| f.in_context(&format!("seed {seed}, round {round}")))?;
        ctx.log(format!("round {round}: {row}"));
        drop(game);
        if !was_skipped(&row) {
            *done.entry(fault.name).or_default() += 1;
        }
        if once_in(KILL_ONE_IN, 3) {
            photon.signal(libc::SIGKILL);
            photon.wait(BACK_LIMIT)?;
            photon = Photon::start(ctx, &STATS)?;
            *done.entry("killed").or_default() += 1;
        }
        if once_in(HOTPLUG_ONE_IN, 4) && cpus() > 1 {
            hotplug(&photon)?;
            *done.entry("hotplug").or_default() += 1;
        }
        round += 1;
    }
    photon.stop()?;
    let seconds = begin.elapsed().as_secs();
    Ok(json!({"seed": seed, "rounds": round, "seconds": seconds, "done": done}))
}

fn pick(draw: &Stream, round: u64) -> &'static Fault {
    let last = FAULTS.len() as u64 - 1;
    &FAULTS[draw.range(round, 0, 0, last) as usize]
}

/// The last CPU goes and comes back; the same daemon is attached again each time.
fn hotplug(photon: &Photon) -> Result<(), Fail> {
    let file = format!("/sys/devices/system/cpu/cpu{}/online", cpus() - 1);
    for online in ["0", "1"] {
        std::fs::write(&file, online)?;
        std::thread::sleep(POLL);
        let begin = Instant::now();
        while scx_state().as_deref() != Some("enabled") {
            if begin.elapsed() > BACK_LIMIT || !photon.is_alive()? {
                return Err(Fail::failed(format!("hotplug: {}", photon.log())));
            }
            std::thread::sleep(POLL);
        }
    }
    Ok(())
}

fn start_game(ctx: &Ctx) -> Result<Killed, Fail> {
    let mut command = Command::new(&ctx.photon_bench);
    command.args(["demo", "--json", "--seconds", GAME_SECONDS]);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(Killed(child))
}
