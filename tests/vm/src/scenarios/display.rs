// SPDX-License-Identifier: GPL-2.0-only
//! A compositor that flips at every vblank, beside hogs: its wakeups are those of a display, they are early because of
//! that, the period is measured, and its fences are counted. Without the display's modules one capability is missing
//! and everything else is as it was.

use crate::load::{Load, Worker, burn};
use crate::oneshot;
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::screen::{Screen, load_modules};
use photon_bench::sys::clock::mono_ns;
use photon_bench::sys::sched::cpus;
use serde_json::{Value, json};
use std::process::Command;

const FLIPS: usize = 60;
/// Composing a frame.
const COMPOSE_NS: u64 = 1_000_000;
const HOGS_A_CPU: usize = 2;
/// Of the measured period against the mode's.
const PERIOD_TOLERANCE: f64 = 0.02;
/// Nine of ten wakeups come before this; beside hogs alone a task waits for milliseconds.
const WAKE_LIMIT_NS: u64 = 500_000;
/// With the boost off the same wakeups take so many times as long.
const OFF_RATIO: u64 = 3;
const VBLANKS: &str = "vblank events";

pub fn run(ctx: &Ctx) -> Outcome {
    let before = capabilities(ctx)?;
    let photon = Photon::start(ctx, &STATS)?;
    let without = photon.log();
    photon.stop()?;
    if !without.contains("display probe fences;") {
        return Err(Fail::failed(format!("without a display: {without}")));
    }
    load_modules()?;
    only_vblanks_came(&before, &capabilities(ctx)?)?;
    let screen = Screen::open()?;
    if !screen.has_vblanks() {
        return Err(Fail::skip(
            "the driver of this kernel's display has no vblanks",
        ));
    }
    let (on, sample) = flips_beside_hogs(ctx, &screen, &[])?;
    seen(&screen, &sample)?;
    let (off, _) = flips_beside_hogs(ctx, &screen, &["--display-window-us", "0"])?;
    if on > WAKE_LIMIT_NS || off < OFF_RATIO * on {
        return Err(Fail::failed(format!(
            "nine of ten flips woke within {on} ns with the display boost, {off} ns without"
        )));
    }
    Ok(json!({"on_ns": on, "off_ns": off, "period_us": sample.vblank_period_us()?}))
}

pub fn capabilities(ctx: &Ctx) -> Result<Vec<(String, bool)>, Fail> {
    let out = oneshot::run(Command::new(&ctx.scx_photon).args(["check", "--json"]))?.stdout;
    let report: Value = serde_json::from_str(&out)?;
    let list = report["capabilities"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let pair = |c: &Value| Some((c["name"].as_str()?.to_string(), c["present"].as_bool()?));
    Ok(list.iter().filter_map(pair).collect())
}

pub fn only_vblanks_came(before: &[(String, bool)], after: &[(String, bool)]) -> Result<(), Fail> {
    let mut expected = before.to_vec();
    for (name, present) in &mut expected {
        if name == VBLANKS && !*present {
            *present = true;
        } else if name == VBLANKS {
            return Err(Fail::failed("vblank events without the modules"));
        }
    }
    match expected == after {
        true => Ok(()),
        false => Err(Fail::failed(format!(
            "capabilities without {before:?}, with {after:?}"
        ))),
    }
}

/// The delay below which nine of ten wakeups by a flip's event lie, and the statistics after.
fn flips_beside_hogs(ctx: &Ctx, screen: &Screen, flags: &[&str]) -> Result<(u64, Sample), Fail> {
    let flags: Vec<&str> = STATS.iter().chain(flags).copied().collect();
    let photon = Photon::start(ctx, &flags)?;
    let load = Load::start(&vec![Worker::hog("hog"); HOGS_A_CPU * cpus()])?;
    let mut delays = Vec::new();
    for _ in 0..FLIPS {
        let fence = screen.flip()?;
        let vblank = screen.flipped()?;
        delays.push(mono_ns().saturating_sub(vblank));
        drop(fence);
        burn(COMPOSE_NS);
    }
    let sample = Sample::settled(&photon)?;
    load.finish()?;
    photon.stop()?;
    delays.sort_unstable();
    Ok((delays[FLIPS * 9 / 10], sample))
}

fn seen(screen: &Screen, sample: &Sample) -> Result<(), Fail> {
    let flips = FLIPS as u64;
    for (what, count) in [
        ("vblanks", sample.display("vblanks")?),
        ("fences", sample.display("fences")?),
        ("submits", sample.display("submits")?),
        ("wake_display", sample.counter("wake_display")?),
    ] {
        if count < flips / 2 {
            return Err(Fail::failed(format!(
                "{flips} flips, but {what} is {count}"
            )));
        }
    }
    let (period, mode) = (sample.vblank_period_us()?, screen.period_ns / 1e3);
    if (period - mode).abs() > PERIOD_TOLERANCE * mode {
        return Err(Fail::failed(format!(
            "vblank period {period} us, the mode's is {mode} us"
        )));
    }
    Ok(())
}
