// SPDX-License-Identifier: GPL-2.0-only
//! Stand-ins for interrupts: mouse, vblank, GPU and network card, each a SCHED_FIFO thread.

use super::wiring::{InputSource, Wiring};
use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::rng::Stream;
use crate::sys::clock::{NS_PER_SEC, mono_ns, sleep_until};
use crate::sys::fd::TimerFd;
use crate::sys::message;
use crate::sys::sched::INTERRUPT;
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::sync::Arc;

/// A packet of a game server: small, as position updates are.
const PACKET: [u8; 120] = [0; 120];

pub fn run(ctx: &Ctx, wiring: &Arc<Wiring>) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    let w = Arc::clone(wiring);
    crew.spawn_system("hw-mouse", "hw-mouse", INTERRUPT, move |c| mouse(c, &w))?;
    let w = Arc::clone(wiring);
    crew.spawn_system("hw-vblank", "hw-vblank", INTERRUPT, move |c| vblank(c, &w))?;
    let w = Arc::clone(wiring);
    crew.spawn_system("hw-gpu", "hw-gpu", INTERRUPT, move |c| gpu(c, &w))?;
    let w = Arc::clone(wiring);
    crew.spawn_system("hw-net", "hw-net", INTERRUPT, move |c| net(c, &w))?;
    crew.finish()
}

/// Reports at a fixed rate; `due` is when each was.
fn mouse(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let period = NS_PER_SEC / ctx.scenario.desktop.input_hz;
    let timer = TimerFd::new()?;
    timer.arm(ctx.t0_ns, period)?;
    let mut out = ThreadOut::default();
    while ctx.running() {
        if interrupted(timer.wait())?.is_none() {
            break;
        }
        match &wiring.input {
            InputSource::Uinput { mouse, .. } => mouse.report()?,
            InputSource::Timer { game, libinput } => {
                game.signal()?;
                libinput.signal()?;
            }
        }
        if ctx.window.contains(mono_ns()) {
            out.jobs += 1;
        }
    }
    Ok(out)
}

fn vblank(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let timer = TimerFd::new()?;
    timer.arm(ctx.t0_ns, ctx.scenario.display.period_ns())?;
    let mut out = ThreadOut::default();
    while ctx.running() {
        let Some(expiries) = interrupted(timer.wait())? else {
            break;
        };
        for _ in 0..expiries {
            wiring.vblank.signal()?;
            out.jobs += 1;
        }
    }
    Ok(out)
}

/// Frames one after another: each starts when it was submitted and the one before is done.
fn gpu(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let mut out = ThreadOut::default();
    let mut idle_from = 0;
    while ctx.running() {
        let Some([frame, submitted, work]) = interrupted(message::receive(&wiring.gpu.0))? else {
            break;
        };
        idle_from = idle_from.max(submitted) + work;
        if interrupted(sleep_until(idle_from))?.is_none() {
            break;
        }
        message::send(&wiring.fence.1, [frame, idle_from, 0])?;
        out.jobs += 1;
    }
    Ok(out)
}

fn net(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let period = NS_PER_SEC / ctx.scenario.extras.net_hz;
    let jitter = Stream::new(ctx.seed, "net", 0);
    let mut out = ThreadOut::default();
    for packet in 0.. {
        let due = ctx.t0_ns + packet * period + jitter.range(packet, 0, 0, period / 2);
        if !ctx.running() || interrupted(sleep_until(due))?.is_none() {
            break;
        }
        wiring.net.0.send(&PACKET)?;
        out.jobs += 1;
    }
    Ok(out)
}
