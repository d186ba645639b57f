// SPDX-License-Identifier: GPL-2.0-only
//! The game process: input reader, game thread and workers; `render` and `extras` have the rest.

use super::desktop::InputWait;
use super::pool::Pool;
use super::render::{self, Pipeline};
use super::wiring::Wiring;
use super::{audio, extras, wine};
use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::model::draws::FrameDraws;
use crate::rng::Stream;
use crate::scenario::{Flavour, Pace};
use crate::sema::SemaMaker;
use crate::sys::clock::{NS_PER_US, mono_ns};
use crate::sys::fd::TimerFd;
use crate::sys::mutex::Mutex;
use crate::sys::sched::NORMAL;
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// No report is waiting for a frame.
const NO_INPUT: u64 = u64::MAX;

/// What the threads of the game share.
pub struct Shared {
    pub wiring: Arc<Wiring>,
    pub pool: Pool,
    pub pipeline: Pipeline,
    pub draws: FrameDraws,
    /// Taken by the render thread and by one of no frame, where the scenario has it.
    pub lock: Mutex,
    /// Time of the oldest report no frame has taken up yet.
    oldest_input_ns: AtomicU64,
}

/// Names of the frame's threads, native or as Wine and DXVK give them.
pub struct Names {
    pub game: &'static str,
    pub worker: &'static str,
    pub render: &'static str,
    pub rhi: &'static str,
    pub submit: &'static str,
    pub fence: &'static str,
    pub audio: &'static str,
}

const NATIVE: Names = Names {
    game: "GameThread",
    worker: "Foreground Wor",
    render: "RenderThread",
    rhi: "RHIThread",
    submit: "RHISubmission",
    fence: "FenceWaiter",
    audio: "AudioMixer",
};
const PROTON: Names = Names {
    game: "game.exe",
    worker: "Foreground Wor",
    render: "RenderThread",
    rhi: "dxvk-cs",
    submit: "dxvk-submit",
    fence: "dxvk-frame",
    audio: "audio_client_ma",
};

pub fn run(ctx: &Ctx, wiring: &Arc<Wiring>) -> Result<Vec<ThreadReport>> {
    let semas = SemaMaker::new(ctx.scenario.game.sync)?;
    let shared = Arc::new(Shared {
        wiring: Arc::clone(wiring),
        pool: Pool::new(&semas)?,
        pipeline: Pipeline::new(&semas)?,
        draws: FrameDraws::new(ctx.seed),
        lock: Mutex::default(),
        oldest_input_ns: AtomicU64::new(NO_INPUT),
    });
    let names = match ctx.scenario.game.flavour {
        Flavour::Native => &NATIVE,
        Flavour::Proton => &PROTON,
    };
    let mut crew = Crew::new(ctx)?;
    let s = Arc::clone(&shared);
    crew.spawn("input", "InputReader", NORMAL, move |c| input(c, &s))?;
    for index in 0..ctx.scenario.game.workers {
        let s = Arc::clone(&shared);
        crew.spawn(&format!("worker-{index}"), names.worker, NORMAL, move |c| {
            s.pool.worker(c, &s.wiring, index)
        })?;
    }
    render::spawn(&mut crew, &shared, names)?;
    let s = Arc::clone(&shared);
    crew.spawn("audio", names.audio, NORMAL, move |c| {
        audio::mixer(c, &s.wiring)
    })?;
    extras::spawn_game(&mut crew, &shared)?;
    crew.spawn("game", names.game, NORMAL, move |c| game_thread(c, &shared))?;
    crew.finish()
}

/// The game's own reader of raw input. Its delays are the input wake delays of the report.
fn input(ctx: &Ctx, shared: &Shared) -> Result<ThreadOut> {
    let mut wait = InputWait::new(ctx, &shared.wiring.input, true)?;
    let draws = Stream::new(ctx.seed, "reader", 0);
    let (mut out, mut burner, mut stamps) = (ThreadOut::default(), ctx.burner(), Vec::new());
    let mut reports = 0;
    while ctx.running() && wait.wait(&mut stamps)? {
        let now = mono_ns();
        for stamp in &stamps {
            if ctx.window.contains(now) {
                out.delays_ns.push(now.saturating_sub(*stamp));
                out.jobs += 1;
            }
            burner.burn(ctx.scenario.desktop.reader_us.draw(&draws, reports, 0));
            shared.oldest_input_ns.fetch_min(*stamp, Ordering::AcqRel);
            reports += 1;
        }
    }
    Ok(out.burnt(&burner))
}

/// Waits for what paces the game and numbers the frames.
enum Pacer {
    Vblank { next: u64 },
    Timer { timer: TimerFd, next: u64 },
    Free { next: u64 },
}

impl Pacer {
    fn new(ctx: &Ctx) -> Result<Self> {
        Ok(match ctx.scenario.display.pace {
            Pace::Vblank => Self::Vblank { next: 0 },
            Pace::Timer => {
                let timer = TimerFd::new()?;
                timer.arm(ctx.t0_ns, ctx.scenario.display.period_ns())?;
                Self::Timer { timer, next: 0 }
            }
            Pace::Free => Self::Free { next: 0 },
        })
    }

    /// The next frame's number and when it was due to start. A paced frame has the number of its
    /// vblank: one that is missed takes its work with it, and later ones stay comparable.
    fn next(&mut self, ctx: &Ctx, wiring: &Wiring) -> Result<Option<(u64, u64)>> {
        let (passed, next) = match self {
            Self::Vblank { next } => (interrupted(wiring.vblank.wait())?, next),
            Self::Timer { timer, next } => (interrupted(timer.wait())?, next),
            Self::Free { next } => {
                *next += 1;
                return Ok(Some((*next - 1, mono_ns())));
            }
        };
        Ok(passed.map(|vblanks| {
            *next += vblanks;
            (*next - 1, ctx.vblank_ns(*next - 1))
        }))
    }
}

fn game_thread(ctx: &Ctx, shared: &Shared) -> Result<ThreadOut> {
    let mut pacer = Pacer::new(ctx)?;
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some((frame, due)) = pacer.next(ctx, &shared.wiring)? else {
            break;
        };
        out.mark("vsync", frame, due);
        out.mark("start", frame, mono_ns());
        let input = shared.oldest_input_ns.swap(NO_INPUT, Ordering::AcqRel);
        if input != NO_INPUT {
            out.mark("input", frame, input);
        }
        if !simulate(ctx, shared, frame, &mut burner)? {
            break;
        }
        out.mark("game_end", frame, mono_ns());
        if !shared.pipeline.hand_over(frame)? {
            break;
        }
    }
    Ok(out.burnt(&burner))
}

/// The game thread's own work, and the joins between its parts. `false` when interrupted.
fn simulate(
    ctx: &Ctx,
    shared: &Shared,
    frame: u64,
    burner: &mut crate::burn::Burner,
) -> Result<bool> {
    let (s, draws) = (&*ctx.scenario, &shared.draws);
    let segment = draws.segment_ns(s, frame);
    let rpcs = s.wine.as_ref().map_or(0, |w| w.rpcs_per_segment);
    for part in 0..=s.game.joins {
        burner.burn(segment);
        if !wine::request(&shared.wiring, wine::GAME_CLIENT, rpcs)? {
            return Ok(false);
        }
        if part < s.game.joins {
            let jobs = (0..s.game.jobs_per_join).map(|job| draws.job_ns(s, frame, part, job));
            if !shared.pool.run(jobs, s.game.workers)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The loader threads of a loading screen: jobs back to back.
pub fn loader(ctx: &Ctx, index: u64, span_us: [u64; 2]) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "loader", index);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    for job in 0.. {
        if !ctx.running() {
            break;
        }
        burner.burn(draws.range(job, 0, span_us[0], span_us[1]) * NS_PER_US);
        if ctx.window.contains(mono_ns()) {
            out.jobs += 1;
        }
    }
    Ok(out.burnt(&burner))
}
