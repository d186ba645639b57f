// SPDX-License-Identifier: GPL-2.0-only
//! Backgrounds made of threads that mostly burn.

use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::rng::Stream;
use crate::scenario::Span;
use crate::sys::clock::{NS_PER_MS, NS_PER_SEC, mono_ns, sleep_until};
use crate::sys::sched::{NORMAL, Policy};
use crate::sys::signal::interrupted;
use anyhow::Result;

/// A hog counts a job each time it has burnt this much.
const HOG_JOB_NS: u64 = 10 * NS_PER_MS;
/// fossilize_replay: nice 19, SCHED_BATCH, jobs of 5 to 300 ms.
const SHADER: Policy = Policy::Batch { nice: 19 };
const SHADER_MS: Span = [5, 300];
/// An in-game shader compile: a volley this often, this long.
const BURST_PERIOD_NS: u64 = 5 * NS_PER_SEC;
const BURST_MS: Span = [50, 500];
/// Decompression: jobs and the read between two of them.
const DECOMPRESS_MS: Span = [10, 50];
const READ_MS: Span = [1, 3];
const GAME_NAMES: [&str; 4] = ["GameThread", "RenderThread", "game.exe", "dxvk-cs"];

pub fn hogs(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    same_hogs(ctx, count, "hog", NORMAL)
}

pub fn bystander(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    same_hogs(ctx, count, "bystander", NORMAL)
}

pub fn runnable(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    same_hogs(ctx, count, "runnable", NORMAL)
}

pub fn nice_hogs(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    same_hogs(ctx, count, "nicehog", Policy::Other { nice: -20 })
}

pub fn batch_hogs(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    same_hogs(ctx, count, "batch", Policy::Batch { nice: 0 })
}

pub fn named_hogs(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for (index, comm) in (0..count).zip(GAME_NAMES.iter().cycle()) {
        crew.spawn(&format!("namedhog-{index}"), comm, NORMAL, hog)?;
    }
    crew.finish()
}

fn same_hogs(ctx: &Ctx, count: usize, name: &str, policy: Policy) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for index in 0..count {
        crew.spawn(&format!("{name}-{index}"), name, policy, hog)?;
    }
    crew.finish()
}

fn hog(ctx: &Ctx) -> Result<ThreadOut> {
    jobs(ctx, |_| HOG_JOB_NS, |_| Ok(true))
}

/// Jobs of the given lengths, with a pause after each. The pause says whether to go on.
fn jobs(
    ctx: &Ctx,
    length_ns: impl Fn(u64) -> u64,
    pause: impl Fn(u64) -> Result<bool>,
) -> Result<ThreadOut> {
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    // It wanted to run from the begin: one that first runs in the window has waited until then.
    let now = mono_ns();
    burner.waited(now, now.saturating_sub(ctx.t0_ns));
    for job in 0.. {
        if !ctx.running() {
            break;
        }
        burner.burn(length_ns(job));
        if ctx.window.contains(mono_ns()) {
            out.jobs += 1;
        }
        if !pause(job)? {
            break;
        }
    }
    Ok(out.burnt(&burner))
}

fn span_ns(draws: &Stream, job: u64, index: u64, ms: Span) -> u64 {
    draws.range(job, index, ms[0] * NS_PER_MS, ms[1] * NS_PER_MS)
}

pub fn shader(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for index in 0..count {
        crew.spawn(
            &format!("shader-{index}"),
            "fossilize_repla",
            SHADER,
            move |c| {
                let draws = Stream::new(c.seed, "shader", index as u64);
                jobs(c, |job| span_ns(&draws, job, 0, SHADER_MS), |_| Ok(true))
            },
        )?;
    }
    crew.finish()
}

pub fn shader_burst(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for index in 0..count {
        crew.spawn(
            &format!("burst-{index}"),
            "dxvk-shader-n",
            NORMAL,
            move |c| {
                let draws = Stream::new(c.seed, "burst", index as u64);
                let pause = |job| {
                    let next = c.t0_ns + (job + 1) * BURST_PERIOD_NS;
                    Ok(interrupted(sleep_until(next))?.is_some())
                };
                jobs(c, |job| span_ns(&draws, job, 0, BURST_MS), pause)
            },
        )?;
    }
    crew.finish()
}

pub fn decompress(ctx: &Ctx, count: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for index in 0..count {
        crew.spawn(&format!("decompress-{index}"), "zstd", NORMAL, move |c| {
            let draws = Stream::new(c.seed, "decompress", index as u64);
            let pause = |job| {
                let next = mono_ns() + span_ns(&draws, job, 1, READ_MS);
                Ok(interrupted(sleep_until(next))?.is_some())
            };
            jobs(c, |job| span_ns(&draws, job, 0, DECOMPRESS_MS), pause)
        })?;
    }
    crew.finish()
}
