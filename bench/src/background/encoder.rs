// SPDX-License-Identifier: GPL-2.0-only
//! A video encoder: capture at 60 Hz, slices in parallel, every frame due within its period.

use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::queue::Queue;
use crate::rng::Stream;
use crate::scenario::Work;
use crate::sys::clock::{NS_PER_SEC, mono_ns, sleep_until};
use crate::sys::sched::NORMAL;
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const PERIOD_NS: u64 = NS_PER_SEC / 60;
const CAPTURE_US: Work = Work {
    mean: 1500,
    cv: 0.2,
    min: 0,
    max: None,
};
const SLICE_US: Work = Work {
    mean: 4000,
    cv: 0.2,
    min: 0,
    max: None,
};
/// Frames that may be under way at once before their counters would be reused: a second's worth.
const FRAMES_UNDER_WAY: usize = 64;

struct Slice {
    frame: u64,
    index: u64,
}

struct Encoder {
    slices: Queue<Slice>,
    left: Vec<AtomicU64>,
    threads: u64,
}

impl Encoder {
    fn left(&self, frame: u64) -> &AtomicU64 {
        &self.left[frame as usize % FRAMES_UNDER_WAY]
    }
}

pub fn run(ctx: &Ctx, threads: usize) -> Result<Vec<ThreadReport>> {
    let encoder = Arc::new(Encoder {
        slices: Queue::default(),
        left: (0..FRAMES_UNDER_WAY).map(|_| AtomicU64::new(0)).collect(),
        threads: threads as u64,
    });
    let mut crew = Crew::new(ctx)?;
    for index in 0..threads {
        let e = Arc::clone(&encoder);
        crew.spawn(
            &format!("encoder-slice-{index}"),
            "x264",
            NORMAL,
            move |c| slice(c, &e),
        )?;
    }
    crew.spawn("encoder-capture", "obs-capture", NORMAL, move |c| {
        capture(c, &encoder)
    })?;
    crew.finish()
}

/// Frames it had no time to capture are missed; the slices count those that came too late.
fn capture(ctx: &Ctx, encoder: &Encoder) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "encoder-capture", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut frame = 0;
    while ctx.running() {
        let due = ctx.t0_ns + frame * PERIOD_NS;
        if interrupted(sleep_until(due))?.is_none() {
            break;
        }
        let now = mono_ns();
        burner.waited(now, now.saturating_sub(due));
        burner.burn(CAPTURE_US.draw(&draws, frame, 0));
        encoder
            .left(frame)
            .store(encoder.threads, Ordering::Release);
        for index in 0..encoder.threads {
            encoder.slices.push(Slice { frame, index })?;
        }
        let newest = (mono_ns() - ctx.t0_ns) / PERIOD_NS;
        let skipped = newest.saturating_sub(frame + 1);
        if ctx.window.contains(due) {
            out.missed += skipped;
        }
        frame += 1 + skipped;
    }
    Ok(out.burnt(&burner))
}

/// The thread that ends the last slice of a frame counts the frame.
fn slice(ctx: &Ctx, encoder: &Encoder) -> Result<ThreadOut> {
    let draws = Stream::new(ctx.seed, "encoder-slice", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some(slice) = interrupted(encoder.slices.pop())? else {
            break;
        };
        burner.burn(SLICE_US.draw(&draws, slice.frame, slice.index));
        let last = encoder.left(slice.frame).fetch_sub(1, Ordering::AcqRel) == 1;
        let due = ctx.t0_ns + slice.frame * PERIOD_NS;
        if last && ctx.window.contains(due) {
            out.jobs += 1;
            out.missed += u64::from(mono_ns() > due + PERIOD_NS);
        }
    }
    Ok(out.burnt(&burner))
}
