// SPDX-License-Identifier: GPL-2.0-only
//! The work of frame `k`, as every thread of the game draws it for itself.

use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::sys::clock::NS_PER_US;

/// Streams of the frame's roles.
#[derive(Clone, Copy, Debug)]
pub struct FrameDraws {
    game: Stream,
    job: Stream,
    render: Stream,
    rhi: Stream,
    submit: Stream,
    gpu: Stream,
}

impl FrameDraws {
    pub fn new(seed: u64) -> Self {
        let stream = |role| Stream::new(seed, role, 0);
        Self {
            game: stream("game"),
            job: stream("job"),
            render: stream("render"),
            rhi: stream("rhi"),
            submit: stream("submit"),
            gpu: stream("gpu"),
        }
    }

    /// Each part of the game thread's own work: one before, between and after the joins.
    pub fn segment_ns(&self, s: &Scenario, frame: u64) -> u64 {
        s.game.game_us.draw(&self.game, frame, 0) / (s.game.joins + 1)
    }

    pub fn job_ns(&self, s: &Scenario, frame: u64, join: u64, job: u64) -> u64 {
        s.game
            .job_us
            .draw(&self.job, frame, join * s.game.jobs_per_join + job)
    }

    /// RHI work in pieces; the render thread makes them evenly over its own time.
    pub fn chunks_ns(&self, s: &Scenario, frame: u64) -> Vec<u64> {
        let mut left = s.game.rhi_us.draw(&self.rhi, frame, 0);
        let [lo, hi] = s.game.rhi_chunk_us.map(|us| us * NS_PER_US);
        let mut chunks = Vec::new();
        // Index 0 and 1 went into the total; a last piece below the bound joins the one before.
        for index in 2.. {
            let chunk = self.rhi.range(frame, index, lo, hi);
            if left < chunk + lo {
                chunks.push(left.max(1));
                break;
            }
            chunks.push(chunk);
            left -= chunk;
        }
        chunks
    }

    pub fn render_ns(&self, s: &Scenario, frame: u64) -> u64 {
        s.game.render_us.draw(&self.render, frame, 0)
    }

    pub fn submit_ns(&self, s: &Scenario, frame: u64) -> u64 {
        s.game.submit_us.draw(&self.submit, frame, 0)
    }

    pub fn gpu_ns(&self, s: &Scenario, frame: u64) -> u64 {
        s.game.gpu_us.draw(&self.gpu, frame, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_add_up_and_keep_their_bounds() {
        let s = Scenario::profile("60v").unwrap();
        let draws = FrameDraws::new(1);
        let mut total = 0;
        for frame in 0..1000 {
            let chunks = draws.chunks_ns(&s, frame);
            total += chunks.iter().sum::<u64>();
            let last = chunks.len() - 1;
            assert!(
                chunks[..last]
                    .iter()
                    .all(|c| (100_000..=400_000).contains(c))
            );
            assert!(chunks[last] < 500_000, "last {}", chunks[last]);
        }
        let mean_us = total / 1000 / NS_PER_US;
        assert!((2900..3100).contains(&mean_us), "mean {mean_us} us");
    }
}
