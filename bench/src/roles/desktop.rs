// SPDX-License-Identifier: GPL-2.0-only
//! The desktop: libinput reads the mouse, the compositor answers each report and composes before
//! each vblank, a commit thread flips. Real compositors run these as SCHED_RR 1 or nice -20.

use super::wiring::{InputSource, Wiring};
use crate::crew::{Compositor, Crew, Ctx, ThreadOut, ThreadReport};
use crate::queue::Queue;
use crate::rng::Stream;
use crate::sys::clock::{NS_PER_SEC, NS_PER_US, mono_ns};
use crate::sys::fd::TimerFd;
use crate::sys::message;
use crate::sys::process::poll_in;
use crate::sys::sched::Policy;
use crate::sys::signal::interrupted;
use crate::sys::uinput::Reader;
use anyhow::Result;
use std::sync::Arc;

pub fn run(ctx: &Ctx, wiring: &Arc<Wiring>) -> Result<Vec<ThreadReport>> {
    let policy = match ctx.compositor {
        Compositor::Rr => Policy::Rr(1),
        Compositor::Nice => Policy::Other { nice: -20 },
    };
    let flips: Arc<Queue<u64>> = Arc::default();
    let mut crew = Crew::new(ctx)?;
    let w = Arc::clone(wiring);
    crew.spawn_system("libinput", "libinput", policy, move |c| libinput(c, &w))?;
    let (w, q) = (Arc::clone(wiring), Arc::clone(&flips));
    crew.spawn_system("compositor", "compositor", policy, move |c| {
        compositor(c, &w, &q)
    })?;
    crew.spawn_system("commit", "kms-commit", policy, move |c| commit(c, &flips))?;
    crew.finish()
}

/// Waits for input reports and says when each was made.
pub enum InputWait {
    Evdev(Reader),
    Timer {
        signalled: std::os::fd::RawFd,
        next_ns: u64,
        period_ns: u64,
    },
}

impl InputWait {
    pub fn new(ctx: &Ctx, source: &InputSource, for_game: bool) -> Result<Self> {
        Ok(match source {
            InputSource::Uinput { node, .. } => Self::Evdev(Reader::open(node)?),
            InputSource::Timer { game, libinput } => Self::Timer {
                signalled: if for_game { game.raw() } else { libinput.raw() },
                next_ns: ctx.t0_ns,
                period_ns: NS_PER_SEC / ctx.scenario.desktop.input_hz,
            },
        })
    }

    /// Block, then the time of every report that came. `false` when interrupted.
    pub fn wait(&mut self, stamps: &mut Vec<u64>) -> Result<bool> {
        stamps.clear();
        match self {
            Self::Evdev(reader) => Ok(interrupted(reader.read(|t| stamps.push(t)))?.is_some()),
            Self::Timer {
                signalled,
                next_ns,
                period_ns,
            } => {
                let mut count = [0; 8];
                let got = interrupted(crate::sys::fd::read_raw(*signalled, &mut count))?;
                for _ in 0..got.map_or(0, |_| u64::from_ne_bytes(count)) {
                    stamps.push(*next_ns);
                    *next_ns += *period_ns;
                }
                Ok(got.is_some())
            }
        }
    }
}

fn libinput(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let mut input = InputWait::new(ctx, &wiring.input, false)?;
    let draws = Stream::new(ctx.seed, "libinput", 0);
    let (mut out, mut burner, mut stamps) = (ThreadOut::default(), ctx.burner(), Vec::new());
    let mut reports = 0;
    while ctx.running() && input.wait(&mut stamps)? {
        let now = mono_ns();
        if ctx.window.contains(now) {
            out.delays_ns
                .extend(stamps.iter().map(|t| now.saturating_sub(*t)));
        }
        for _ in &stamps {
            burner.burn(ctx.scenario.desktop.libinput_us.draw(&draws, reports, 0));
            reports += 1;
        }
        wiring.forward.signal()?;
    }
    Ok(out.burnt(&burner))
}

fn compositor(ctx: &Ctx, wiring: &Wiring, flips: &Queue<u64>) -> Result<ThreadOut> {
    let desktop = &ctx.scenario.desktop;
    let period = ctx.scenario.display.period_ns();
    let timer = TimerFd::new()?;
    let margin = ctx.scenario.display.commit_margin_us * NS_PER_US;
    timer.arm(ctx.vblank_ns(1) - margin, period)?;
    let draws = Stream::new(ctx.seed, "compositor", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let fds = [
        wiring.forward.raw(),
        std::os::fd::AsRawFd::as_raw_fd(&wiring.present.0),
        timer.raw(),
    ];
    let (mut newest, mut shown, mut vblank) = (None, None, 0);
    while ctx.running() {
        let Some([input, present, compose]) = interrupted(poll_in(fds))? else {
            break;
        };
        if input {
            let reports = wiring.forward.wait()?;
            burner.burn(desktop.forward_us.draw(&draws, out.jobs, 0));
            out.jobs += reports;
        }
        if present {
            // Mailbox: a newer frame replaces one that was not shown.
            while let Ok([frame, ..]) = message::receive(&wiring.present.0) {
                newest = Some(frame);
            }
        }
        if compose {
            vblank += timer.wait()?;
            if newest != shown {
                burner.burn(desktop.compose_us.draw(&draws, vblank, 1));
                shown = newest;
                flips.push(shown.unwrap_or_default())?;
            }
        }
    }
    Ok(out.burnt(&burner))
}

/// A committed frame is seen from the next vblank on.
fn commit(ctx: &Ctx, flips: &Queue<u64>) -> Result<ThreadOut> {
    let period = ctx.scenario.display.period_ns();
    let draws = Stream::new(ctx.seed, "commit", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some(frame) = interrupted(flips.pop())? else {
            break;
        };
        burner.burn(ctx.scenario.desktop.commit_us.draw(&draws, out.jobs, 0));
        let vblank = (mono_ns() - ctx.t0_ns) / period + 1;
        out.mark("display", frame, ctx.vblank_ns(vblank));
        out.jobs += 1;
    }
    Ok(out.burnt(&burner))
}
