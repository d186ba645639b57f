// SPDX-License-Identifier: GPL-2.0-only
//! Sound: the server asks the game's mixer for a buffer each period; a late one is heard.

use super::wiring::Wiring;
use crate::crew::{Compositor, Crew, Ctx, ThreadOut, ThreadReport};
use crate::rng::Stream;
use crate::sys::clock::{NS_PER_US, mono_ns};
use crate::sys::fd::TimerFd;
use crate::sys::sched::Policy;
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub fn period_ns(ctx: &Ctx) -> u64 {
    ctx.scenario.audio.period_us * NS_PER_US
}

pub fn run(ctx: &Ctx, wiring: &Arc<Wiring>) -> Result<Vec<ThreadReport>> {
    // Where the desktop was given real-time rights, the sound server was too; else nice -11.
    let policy = match ctx.compositor {
        Compositor::Rr => Policy::Fifo(20),
        Compositor::Nice => Policy::Other { nice: -11 },
    };
    let mut crew = Crew::new(ctx)?;
    let w = Arc::clone(wiring);
    crew.spawn_system("pipewire", "data-loop.0", policy, move |c| server(c, &w))?;
    crew.finish()
}

/// `missed` counts the periods at whose start the buffer asked for before was not there.
fn server(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let timer = TimerFd::new()?;
    timer.arm(ctx.t0_ns, period_ns(ctx))?;
    let draws = Stream::new(ctx.seed, "pipewire", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut period = 0;
    while ctx.running() {
        let Some(expiries) = interrupted(timer.wait())? else {
            break;
        };
        for _ in 0..expiries {
            if ctx.window.contains(mono_ns()) {
                out.jobs += 1;
                if wiring.mixed.load(Ordering::Acquire) < period {
                    out.missed += 1;
                }
            }
            burner.burn(ctx.scenario.audio.server_us.draw(&draws, period, 0));
            wiring.audio.signal()?;
            period += 1;
        }
    }
    Ok(out.burnt(&burner))
}

/// The game's mixer: one buffer for each period asked for. Marks when each was done.
pub fn mixer(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "mixer", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut period = 0;
    while ctx.running() {
        let Some(asked) = interrupted(wiring.audio.wait())? else {
            break;
        };
        let now = mono_ns();
        if ctx.window.contains(now) {
            let due = ctx.t0_ns + period * period_ns(ctx);
            out.delays_ns.push(now.saturating_sub(due));
        }
        for _ in 0..asked {
            burner.burn(ctx.scenario.audio.mix_us.draw(&draws, period, 0));
            out.mark("mixed", period, mono_ns());
            period += 1;
            wiring.mixed.store(period, Ordering::Release);
        }
    }
    Ok(out.burnt(&burner))
}
