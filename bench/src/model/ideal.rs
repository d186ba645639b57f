// SPDX-License-Identifier: GPL-2.0-only
//! The same frames on a machine that has a CPU for every thread and takes no time to switch:
//! what is left of a measured frame above this is the scheduler's and the machine's doing.

use super::draws::FrameDraws;
use crate::scenario::Scenario;
use crate::sys::clock::NS_PER_US;

/// Start of a frame's game work to the end of its submit, alone on such a machine. Frames do not
/// wait for earlier ones here: every profile leaves room for that, except the uncapped one.
pub fn frame_ns(s: &Scenario, seed: u64, frame: u64) -> u64 {
    let draws = FrameDraws::new(seed);
    let wine_us = |count: u64| {
        let mean = s.wine.as_ref().map_or(0, |w| w.rpc_us.mean);
        count * mean * NS_PER_US
    };
    let per_segment = s.wine.as_ref().map_or(0, |w| w.rpcs_per_segment);
    let segment = draws.segment_ns(s, frame) + wine_us(per_segment);
    let joins: u64 = (0..s.game.joins)
        .map(|join| {
            let jobs: Vec<u64> = (0..s.game.jobs_per_join)
                .map(|job| draws.job_ns(s, frame, join, job))
                .collect();
            join_ns(&jobs, s.game.workers)
        })
        .sum();
    let render_rpcs = s.wine.as_ref().map_or(0, |w| w.rpcs_per_frame_render);
    let render = draws.render_ns(s, frame);
    segment * (s.game.joins + 1)
        + joins
        + wine_us(render_rpcs)
        + render_tail_ns(render, &draws.chunks_ns(s, frame))
        + draws.submit_ns(s, frame)
}

/// Jobs taken in order by whichever worker is free first.
fn join_ns(jobs: &[u64], workers: usize) -> u64 {
    let mut free_at = vec![0u64; workers.max(1)];
    for job in jobs {
        if let Some(first) = free_at.iter_mut().min() {
            *first += job;
        }
    }
    free_at.into_iter().max().unwrap_or(0)
}

/// Render start to the end of the last RHI piece: piece `i` exists when the render thread has
/// done `i + 1` equal steps, and the RHI thread takes them one after another.
fn render_tail_ns(render_ns: u64, chunks: &[u64]) -> u64 {
    let steps = chunks.len() as u64;
    chunks.iter().zip(1..).fold(0, |done, (chunk, step)| {
        done.max(render_ns * step / steps) + chunk
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_pieces_by_hand() {
        assert_eq!(join_ns(&[5, 1, 1, 1], 2), 5);
        assert_eq!(join_ns(&[1, 1, 1, 5], 2), 6);
        assert_eq!(join_ns(&[4], 4), 4);
        // Render faster than RHI: first step, then all pieces back to back.
        assert_eq!(render_tail_ns(4, &[3, 3, 3, 3]), 13);
        // Render slower: its whole time and the last piece.
        assert_eq!(render_tail_ns(40, &[3, 3, 3, 3]), 43);
    }

    #[test]
    fn profiles_fit_their_period() {
        for name in [
            "60v",
            "144",
            "native",
            "proton",
            "proton-nt",
            "longworkers",
            "longworkers30",
            "heavyjobs30",
        ] {
            let s = Scenario::profile(name).unwrap();
            let times: Vec<u64> = (0..1000).map(|k| frame_ns(&s, 1, k)).collect();
            let mean = times.iter().sum::<u64>() / 1000;
            let max = times.iter().max().unwrap();
            let period = s.display.period_ns();
            println!("{name}: mean {mean}, max {max}, period {period}");
            assert!(*max < period, "{name}: {max} ns in a period of {period} ns");
        }
    }
}
