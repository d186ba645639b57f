// SPDX-License-Identifier: GPL-2.0-only
//! From the game thread to the GPU and back: render thread, RHI thread, submit thread and fence
//! waiter, one frame behind the game thread and bounded in how far each may run ahead.

use super::game::{Names, Shared};
use super::wine;
use crate::crew::{Crew, Ctx, ThreadOut};
use crate::queue::Queue;
use crate::rng::Stream;
use crate::sema::{Sema, SemaMaker};
use crate::sys::clock::mono_ns;
use crate::sys::message;
use crate::sys::sched::NORMAL;
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::sync::Arc;

/// Frames the render thread may be behind the game thread: Unreal's frame-end sync.
const GAME_AHEAD: u32 = 1;
/// Frames the RHI thread may be behind the render thread.
const RENDER_AHEAD: u32 = 2;
/// Frames the GPU may be behind the submit thread: the usual frame latency limit of 2.
const SUBMIT_AHEAD: u32 = 2;

/// A piece of RHI work; the last of a frame says so.
struct Piece {
    frame: u64,
    work_ns: u64,
    last: bool,
}

pub struct Pipeline {
    frames: Queue<u64>,
    pieces: Queue<Piece>,
    submits: Queue<u64>,
    game_credit: Sema,
    render_credit: Sema,
    submit_credit: Sema,
}

impl Pipeline {
    pub fn new(semas: &SemaMaker) -> Result<Self> {
        Ok(Self {
            frames: Queue::new(semas.make(0)?),
            pieces: Queue::new(semas.make(0)?),
            submits: Queue::new(semas.make(0)?),
            game_credit: semas.make(GAME_AHEAD)?,
            render_credit: semas.make(RENDER_AHEAD)?,
            submit_credit: semas.make(SUBMIT_AHEAD)?,
        })
    }

    /// The game thread is done with a frame; blocks while the render thread is too far behind.
    pub fn hand_over(&self, frame: u64) -> Result<bool> {
        if interrupted(self.game_credit.take())?.is_none() {
            return Ok(false);
        }
        self.frames.push(frame)?;
        Ok(true)
    }
}

pub fn spawn(crew: &mut Crew, shared: &Arc<Shared>, names: &Names) -> Result<()> {
    let s = Arc::clone(shared);
    crew.spawn("fence", names.fence, NORMAL, move |c| fence(c, &s))?;
    let s = Arc::clone(shared);
    crew.spawn("submit", names.submit, NORMAL, move |c| submit(c, &s))?;
    let s = Arc::clone(shared);
    crew.spawn("rhi", names.rhi, NORMAL, move |c| rhi(c, &s))?;
    let s = Arc::clone(shared);
    crew.spawn("render", names.render, NORMAL, move |c| render(c, &s))
}

fn render(ctx: &Ctx, shared: &Shared) -> Result<ThreadOut> {
    let (s, pipeline) = (&*ctx.scenario, &shared.pipeline);
    let rpcs = s.wine.as_ref().map_or(0, |w| w.rpcs_per_frame_render);
    let uses = Stream::new(ctx.seed, "lock-use", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some(frame) = interrupted(pipeline.frames.pop())? else {
            break;
        };
        out.mark("render_start", frame, mono_ns());
        if interrupted(pipeline.render_credit.take())?.is_none()
            || !wine::request(&shared.wiring, wine::RENDER_CLIENT, rpcs)?
        {
            break;
        }
        if let Some(lock) = &s.lock {
            let work = lock.use_us.draw(&uses, frame, 0);
            shared.lock.hold(|| burner.burn(work));
        }
        let chunks = shared.draws.chunks_ns(s, frame);
        let steps = chunks.len() as u64;
        let work = shared.draws.render_ns(s, frame);
        for (chunk, step) in chunks.into_iter().zip(1..) {
            // Equal steps whose sum is exact.
            burner.burn(work * step / steps - work * (step - 1) / steps);
            pipeline.pieces.push(Piece {
                frame,
                work_ns: chunk,
                last: step == steps,
            })?;
        }
        out.mark("render_end", frame, mono_ns());
        pipeline.game_credit.post(1)?;
    }
    Ok(out.burnt(&burner))
}

fn rhi(ctx: &Ctx, shared: &Shared) -> Result<ThreadOut> {
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some(piece) = interrupted(shared.pipeline.pieces.pop())? else {
            break;
        };
        burner.burn(piece.work_ns);
        out.jobs += 1;
        if piece.last {
            shared.pipeline.submits.push(piece.frame)?;
        }
    }
    Ok(out.burnt(&burner))
}

fn submit(ctx: &Ctx, shared: &Shared) -> Result<ThreadOut> {
    let (s, pipeline) = (&*ctx.scenario, &shared.pipeline);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some(frame) = interrupted(pipeline.submits.pop())? else {
            break;
        };
        if interrupted(pipeline.submit_credit.take())?.is_none() {
            break;
        }
        burner.burn(shared.draws.submit_ns(s, frame));
        let now = mono_ns();
        out.mark("submit", frame, now);
        let gpu = shared.draws.gpu_ns(s, frame);
        message::send(&shared.wiring.gpu.1, [frame, now, gpu])?;
        pipeline.render_credit.post(1)?;
    }
    Ok(out.burnt(&burner))
}

/// Waits for the GPU's fence and presents.
fn fence(ctx: &Ctx, shared: &Shared) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "fence", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some([frame, signalled, _]) = interrupted(message::receive(&shared.wiring.fence.0))?
        else {
            break;
        };
        let now = mono_ns();
        if ctx.window.contains(now) {
            out.delays_ns.push(now.saturating_sub(signalled));
        }
        burner.burn(ctx.scenario.game.fence_us.draw(&draws, frame, 0));
        out.mark("present", frame, mono_ns());
        shared.pipeline.submit_credit.post(1)?;
        message::send(&shared.wiring.present.1, [frame, 0, 0])?;
    }
    Ok(out.burnt(&burner))
}
