// SPDX-License-Identifier: GPL-2.0-only
//! Backgrounds that sleep and wake: browser tabs, real-time noise, and two adversaries that live
//! from looking interactive.

use crate::burn::Burner;
use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::queue::Queue;
use crate::rng::Stream;
use crate::roles::extras::bursts;
use crate::scenario::{Span, Work};
use crate::sys::clock::{NS_PER_MS, NS_PER_SEC, NS_PER_US, mono_ns, sleep_until};
use crate::sys::sched::{NORMAL, Policy};
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::sync::Arc;

/// The short-burst sleeper of the literature.
const SLEEPER_RUN_NS: u64 = NS_PER_MS;
const SLEEPER_SLEEP_NS: u64 = 50 * NS_PER_US;
/// A timer that mimics a frame: 120 Hz, 85 % of a CPU.
const MIMIC_PERIOD_NS: u64 = NS_PER_SEC / 120;
const MIMIC_RUN_NS: u64 = MIMIC_PERIOD_NS * 85 / 100;
/// Compositor bursts measured beside a game: 17 us each, from a few threads.
const NOISE_RUN_NS: u64 = 17 * NS_PER_US;
const NOISE_THREADS: usize = 4;
/// A browser tab: main thread and compositor per frame, and timers.
const TAB_PERIOD_NS: u64 = NS_PER_SEC / 60;
const TAB_MAIN_US: Work = work(3000, 0.5);
const TAB_COMPOSITOR_US: Work = work(1500, 0.3);
const TAB_TIMERS: u64 = 6;
const TAB_TIMER_GAP_MS: Span = [20, 500];
const TAB_TIMER_US: Span = [200, 800];

const fn work(mean: u64, cv: f64) -> Work {
    Work {
        mean,
        cv,
        min: 0,
        max: None,
    }
}

/// Sleep to `due`, noting how much later the thread ran. `false` at the end of the run.
fn sleep_noting(ctx: &Ctx, burner: &mut Burner, due: u64) -> Result<bool> {
    if !ctx.running() || interrupted(sleep_until(due))?.is_none() {
        return Ok(false);
    }
    let now = mono_ns();
    burner.waited(now, now.saturating_sub(due));
    Ok(true)
}

pub fn sleeper(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for index in 0..count {
        crew.spawn(&format!("sleeper-{index}"), "sleeper", NORMAL, |c| {
            let (mut out, mut burner) = (ThreadOut::default(), c.burner());
            while sleep_noting(c, &mut burner, mono_ns() + SLEEPER_SLEEP_NS)? {
                burner.burn(SLEEPER_RUN_NS);
                out.jobs += u64::from(c.window.contains(mono_ns()));
            }
            Ok(out.burnt(&burner))
        })?;
    }
    crew.finish()
}

pub fn mimic(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for index in 0..count {
        // Spread over the period, as unrelated timers are.
        let phase = MIMIC_PERIOD_NS * index as u64 / count as u64;
        crew.spawn(&format!("mimic-{index}"), "mimic", NORMAL, move |c| {
            let (mut out, mut burner) = (ThreadOut::default(), c.burner());
            let mut due = c.t0_ns + phase;
            while sleep_noting(c, &mut burner, due)? {
                burner.burn(MIMIC_RUN_NS);
                let now = mono_ns();
                if c.window.contains(now) {
                    out.jobs += 1;
                    out.missed += u64::from(now > due + MIMIC_PERIOD_NS);
                }
                // A late frame is not made up for: the next period that has not begun.
                let late = now.saturating_sub(due) / MIMIC_PERIOD_NS;
                due += (late + 1) * MIMIC_PERIOD_NS;
            }
            Ok(out.burnt(&burner))
        })?;
    }
    crew.finish()
}

/// `count` bursts a second in all, at random times.
pub fn rt_noise(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    let mean_gap = NS_PER_SEC * NOISE_THREADS as u64 / (count as u64).max(1);
    for index in 0..NOISE_THREADS {
        crew.spawn(
            &format!("rtnoise-{index}"),
            "kwin_wayland",
            Policy::Rr(1),
            move |c| {
                let draws = Stream::new(c.seed, "rtnoise", index as u64);
                let (mut out, mut burner) = (ThreadOut::default(), c.burner());
                let mut due = c.t0_ns;
                for burst in 0.. {
                    due += draws.range(burst, 0, mean_gap / 3, mean_gap * 5 / 3);
                    if !sleep_noting(c, &mut burner, due)? {
                        break;
                    }
                    burner.burn(NOISE_RUN_NS);
                    out.jobs += u64::from(c.window.contains(mono_ns()));
                }
                Ok(out.burnt(&burner))
            },
        )?;
    }
    crew.finish()
}

pub fn browser(ctx: &Ctx, tabs: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for tab in 0..tabs as u64 {
        let frames: Arc<Queue<u64>> = Arc::default();
        let q = Arc::clone(&frames);
        crew.spawn(
            &format!("browser-main-{tab}"),
            "CrRendererMain",
            NORMAL,
            move |c| tab_main(c, tab, &q),
        )?;
        crew.spawn(
            &format!("browser-comp-{tab}"),
            "Compositor",
            NORMAL,
            move |c| tab_compositor(c, tab, &frames),
        )?;
        for timer in 0..TAB_TIMERS {
            let role = format!("browser-timer-{tab}-{timer}");
            crew.spawn(&role, "ThreadPoolForeg", NORMAL, move |c| {
                let draws = Stream::new(c.seed, "browser-timer", tab * TAB_TIMERS + timer);
                bursts(c, &draws, TAB_TIMER_GAP_MS, TAB_TIMER_US)
            })?;
        }
    }
    crew.finish()
}

fn tab_main(ctx: &Ctx, tab: u64, frames: &Queue<u64>) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "browser-main", tab);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut frame = 0;
    // Tabs share the display's clock but not its phase.
    let start = ctx.t0_ns + draws.range(0, 2, 0, TAB_PERIOD_NS);
    while sleep_noting(ctx, &mut burner, start + frame * TAB_PERIOD_NS)? {
        burner.burn(TAB_MAIN_US.draw(&draws, frame, 0));
        frames.push(frame)?;
        let now = mono_ns();
        if ctx.window.contains(now) {
            out.jobs += 1;
            out.missed += u64::from(now > start + (frame + 1) * TAB_PERIOD_NS);
        }
        frame = (frame + 1).max(now.saturating_sub(start) / TAB_PERIOD_NS);
    }
    Ok(out.burnt(&burner))
}

fn tab_compositor(ctx: &Ctx, tab: u64, frames: &Queue<u64>) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "browser-comp", tab);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some(frame) = interrupted(frames.pop())? else {
            break;
        };
        burner.burn(TAB_COMPOSITOR_US.draw(&draws, frame, 0));
        out.jobs += u64::from(ctx.window.contains(mono_ns()));
    }
    Ok(out.burnt(&burner))
}
