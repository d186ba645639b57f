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
    crew.spawn_system("hw-mouse", "hw-mouse", INTERRUPT, move |c| {
        mouse(c, &w.input)
    })?;
    let w = Arc::clone(wiring);
    crew.spawn_system("hw-vblank", "hw-vblank", INTERRUPT, move |c| vblank(c, &w))?;
    let w = Arc::clone(wiring);
    crew.spawn_system("hw-gpu", "hw-gpu", INTERRUPT, move |c| gpu(c, &w))?;
    let w = Arc::clone(wiring);
    crew.spawn_system("hw-net", "hw-net", INTERRUPT, move |c| net(c, &w))?;
    crew.finish()
}

/// Reports at a fixed rate, what is overdue at once: `InputWait::Timer` tells from their number when each was due.
fn mouse(ctx: &Ctx, input: &InputSource) -> Result<ThreadOut> {
    let period = NS_PER_SEC / ctx.scenario.desktop.input_hz;
    let timer = TimerFd::new()?;
    timer.arm(ctx.t0_ns, period)?;
    let mut out = ThreadOut::default();
    while ctx.running() {
        let Some(expiries) = interrupted(timer.wait())? else {
            break;
        };
        for _ in 0..expiries {
            match input {
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

#[cfg(test)]
mod tests {
    use super::super::desktop::InputWait;
    use super::*;
    use crate::burn::Window;
    use crate::crew::Compositor;
    use crate::scenario::Scenario;
    use crate::sys::clock::NS_PER_MS;
    use crate::sys::fd::EventFd;

    /// A mouse that runs late by many periods at its start: its later reports are not taken for as many periods older.
    #[test]
    fn a_missed_expiry_makes_no_later_report_old() {
        const MISSED_NS: u64 = 50 * NS_PER_MS;
        let now = mono_ns();
        let end = now + 20 * NS_PER_MS;
        let ctx = Ctx {
            scenario: Arc::new(Scenario::profile("60v").unwrap()),
            seed: 1,
            cpus: 1,
            t0_ns: now - MISSED_NS,
            window: Window {
                from_ns: 0,
                to_ns: u64::MAX,
                stop_ns: end,
            },
            rename: None,
            compositor: Compositor::Rr,
        };
        let fd = || Arc::new(EventFd::new().unwrap());
        let input = InputSource::Timer {
            game: fd(),
            libinput: fd(),
        };
        let reports = mouse(&ctx, &input).unwrap().jobs;
        let mut stamps = Vec::new();
        let mut wait = InputWait::new(&ctx, &input, true).unwrap();
        assert!(wait.wait(&mut stamps).unwrap());
        assert_eq!(stamps.len() as u64, reports);
        assert!(stamps.last().unwrap() + MISSED_NS / 2 > end, "{stamps:?}");
    }
}
