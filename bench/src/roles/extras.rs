// SPDX-License-Identifier: GPL-2.0-only
//! What else lives beside a frame: network, streaming and loaders in the game, a launcher's helpers.

use super::game;
use super::wiring::Wiring;
use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::rng::Stream;
use crate::scenario::{Lock, Span};
use crate::sys::clock::{NS_PER_MS, NS_PER_US, mono_ns, sleep_until};
use crate::sys::sched::NORMAL;
use crate::sys::signal::interrupted;
use anyhow::Result;
use game::Shared;
use std::sync::Arc;

/// Longer than any packet of the model.
const MAX_PACKET: usize = 2048;

/// The game's own: network, streaming, loaders.
pub fn spawn_game(crew: &mut Crew, shared: &Arc<Shared>) -> Result<()> {
    let scenario = Arc::clone(&crew.ctx.scenario);
    let extras = &scenario.extras;
    let w = Arc::clone(&shared.wiring);
    crew.spawn("net", "NetThread", NORMAL, move |c| net(c, &w))?;
    for index in 0..extras.stream_threads {
        let (gap, work) = (extras.stream_gap_ms, extras.stream_us);
        crew.spawn(
            &format!("stream-{index}"),
            "IOThreadPool",
            NORMAL,
            move |c| bursts(c, &Stream::new(c.seed, "stream", index as u64), gap, work),
        )?;
    }
    if let Some(lock) = &scenario.lock {
        let (lock, s) = (lock.clone(), Arc::clone(shared));
        crew.spawn("holder", "AssetStreamer", NORMAL, move |c| {
            holder(c, &s, &lock)
        })?;
    }
    if let Some(loading) = &scenario.loading {
        let threads = (loading.threads_per_cpu * crew.ctx.cpus as f64).ceil() as u64;
        for index in 0..threads {
            let span = loading.job_us;
            crew.spawn(&format!("loader-{index}"), "Loader", NORMAL, move |c| {
                game::loader(c, index, span)
            })?;
        }
    }
    Ok(())
}

/// The launcher and its web helpers, a process of its own.
pub fn launcher(ctx: &Ctx) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    let extras = ctx.scenario.extras.clone();
    for index in 0..extras.launcher_threads {
        let (gap, work) = (extras.launcher_gap_ms, extras.launcher_us);
        crew.spawn(
            &format!("launcher-{index}"),
            "webhelper",
            NORMAL,
            move |c| bursts(c, &Stream::new(c.seed, "launcher", index as u64), gap, work),
        )?;
    }
    crew.finish()
}

/// Works, takes the lock, works, lets it go, sleeps.
fn holder(ctx: &Ctx, shared: &Shared, lock: &Lock) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "holder", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut due = ctx.t0_ns;
    for turn in 0.. {
        let draw =
            |which, span: Span, unit| draws.range(turn, which, span[0] * unit, span[1] * unit);
        due = mono_ns().max(due) + draw(0, lock.gap_ms, NS_PER_MS);
        if !ctx.running() || interrupted(sleep_until(due))?.is_none() {
            break;
        }
        burner.burn(draw(1, lock.before_us, NS_PER_US));
        shared
            .lock
            .hold(|| burner.burn(draw(2, lock.hold_us, NS_PER_US)));
        out.jobs += 1;
    }
    Ok(out.burnt(&burner))
}

fn net(ctx: &Ctx, wiring: &Wiring) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "net-rx", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut packet = [0; MAX_PACKET];
    while ctx.running() {
        if interrupted(wiring.net.1.recv(&mut packet))?.is_none() {
            break;
        }
        burner.burn(ctx.scenario.extras.net_us.draw(&draws, out.jobs, 0));
        out.jobs += 1;
    }
    Ok(out.burnt(&burner))
}

/// Bursts of work at random gaps. The times do not shift when a burst is late, so the same bursts
/// fall on the same frames under every scheduler.
pub fn bursts(ctx: &Ctx, draws: &Stream, gap_ms: Span, work_us: Span) -> Result<ThreadOut> {
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut due = ctx.t0_ns;
    for burst in 0.. {
        due += draws.range(burst, 0, gap_ms[0] * NS_PER_MS, gap_ms[1] * NS_PER_MS);
        if !ctx.running() || interrupted(sleep_until(due))?.is_none() {
            break;
        }
        let now = mono_ns();
        burner.waited(now, now.saturating_sub(due));
        burner.burn(draws.range(burst, 1, work_us[0], work_us[1]) * NS_PER_US);
        if ctx.window.contains(mono_ns()) {
            out.jobs += 1;
        }
    }
    Ok(out.burnt(&burner))
}
