// SPDX-License-Identifier: GPL-2.0-only
//! Who draws is told from who does not, by the fences it makes: of two programs that both say that they are games the one
//! that submits to the GPU is played, although the other was started later; without the display probe it is the other.
//! The fences are real ones, of a GPU without hardware (vgem), whose clients signal them by a call: anybody can, so whom that
//! wakes is not woken by the display. In the end the display's modules go again, and with them one capability and nothing
//! else.

use crate::bpf;
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::display::{capabilities, only_vblanks_came};
use crate::screen::{load_modules, unload_modules};
use serde_json::json;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const DRAWS: &str = "quake";
const IDLES: &str = "doom";
/// A rate is known after half a second of fences. The daemon looks when a program says that it is a game.
const RATE: Duration = Duration::from_millis(1200);
const LOOK: Duration = Duration::from_millis(300);
/// Of some 90 a second; the counts are cut off anywhere.
const FENCES_LEAST: u64 = 60;
/// Of wakeups by the display: the driver's timer gives up a fence that its client lets wait, and that is an interrupt.
const GIVEN_UP_MAX: u64 = 5;
/// From the making of a fence to its signal, of a GPU that draws for 4 ms.
const FENCE_US: std::ops::RangeInclusive<f64> = 2000.0..=12_000.0;

struct Seen {
    played: String,
    sample: Sample,
    /// Fences of the one that draws and of the other, as the kernel part has counted them.
    submits: [u64; 2],
}

pub fn run(ctx: &Ctx) -> Outcome {
    load_modules()?;
    for name in [DRAWS, IDLES] {
        std::fs::copy("/proc/self/exe", format!("/tmp/{name}"))?;
    }
    let seen = two_games(ctx, &[])?;
    let blind = two_games(ctx, &["--no-display-probe"])?;
    if (seen.played.as_str(), blind.played.as_str()) != (DRAWS, IDLES) {
        return Err(Fail::failed(format!(
            "{} is played, without the probe {}",
            seen.played, blind.played
        )));
    }
    let metrics = counted(&seen)?;
    if blind.sample.counter("wake_display")? + blind.sample.display("fences")? > 0 {
        return Err(Fail::failed("fences without the display probe"));
    }
    let with = capabilities(ctx)?;
    unload_modules()?;
    only_vblanks_came(&capabilities(ctx)?, &with)?;
    Ok(metrics)
}

/// Both run for a while, the one that draws first.
fn two_games(ctx: &Ctx, flags: &[&str]) -> Result<Seen, Fail> {
    let flags: Vec<&str> = STATS.iter().chain(flags).copied().collect();
    let photon = Photon::start(ctx, &flags)?;
    let mut draws = start(ctx, DRAWS, "draw")?;
    std::thread::sleep(RATE);
    let mut idles = start(ctx, IDLES, "60")?;
    std::thread::sleep(LOOK);
    let sample = Sample::settled(&photon)?;
    let submits = [&draws, &idles].map(|child| bpf::count_of("submitters", child.id()));
    let ended = draws.try_wait()?;
    for child in [&mut draws, &mut idles] {
        child.kill()?;
        child.wait()?;
    }
    if let Some(status) = ended {
        return Err(Fail::failed(format!("drawing ended: {status}")));
    }
    photon.stop()?;
    Ok(Seen {
        played: sample.game()?,
        sample,
        submits: submits.map(|n| n.unwrap_or(0)),
    })
}

fn start(ctx: &Ctx, name: &str, what: &str) -> Result<Child, Fail> {
    let mut command = Command::new(&ctx.scx_photon);
    command.args(["run", "--", &format!("/tmp/{name}"), "hold", what]);
    Ok(command.stdin(Stdio::null()).spawn()?)
}

/// Fences are sources, and counted for who has made them.
fn counted(seen: &Seen) -> Outcome {
    let sample = &seen.sample;
    let [draws, idles] = seen.submits;
    let metrics = json!({
        "submits": draws, "submits_of_the_other": idles, "fences": sample.display("fences")?,
        "wake_display": sample.counter("wake_display")?, "fence_us": sample.fence_us()?,
    });
    let forged = sample.counter("wake_display")?;
    let signalled = draws.min(sample.display("fences")?);
    let took = FENCE_US.contains(&sample.fence_us()?);
    match signalled >= FENCES_LEAST && idles == 0 && took && forged <= GIVEN_UP_MAX {
        true => Ok(metrics),
        false => Err(Fail::failed(metrics.to_string())),
    }
}
