// SPDX-License-Identifier: GPL-2.0-only
//! Scenario files: what the game and its desktop do. `scenarios/60v.toml` explains every field.

use crate::rng::Stream;
use crate::sys::clock::{NS_PER_SEC, NS_PER_US};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::Path;

/// The profiles that are part of the program.
pub const PROFILES: [(&str, &str); 12] = [
    ("chain", include_str!("../scenarios/chain.toml")),
    ("60v", include_str!("../scenarios/60v.toml")),
    ("144", include_str!("../scenarios/144.toml")),
    ("480u", include_str!("../scenarios/480u.toml")),
    ("loading", include_str!("../scenarios/loading.toml")),
    ("native", include_str!("../scenarios/native.toml")),
    ("proton", include_str!("../scenarios/proton.toml")),
    ("proton-nt", include_str!("../scenarios/proton-nt.toml")),
    ("locks", include_str!("../scenarios/locks.toml")),
    ("longworkers", include_str!("../scenarios/longworkers.toml")),
    (
        "longworkers30",
        include_str!("../scenarios/longworkers30.toml"),
    ),
    ("heavyjobs30", include_str!("../scenarios/heavyjobs30.toml")),
];

/// The job ring of the game's pool has room for one batch.
pub const MAX_JOBS_PER_JOIN: u64 = 256;

/// CPU time per activation: lognormal, optionally cut.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Work {
    pub mean: u64,
    #[serde(default)]
    pub cv: f64,
    #[serde(default)]
    pub min: u64,
    pub max: Option<u64>,
}

impl Work {
    /// The draw of one activation, in nanoseconds.
    pub fn draw(&self, stream: &Stream, activation: u64, index: u64) -> u64 {
        let ns = stream.lognormal(activation, index, self.mean * NS_PER_US, self.cv);
        let max = self.max.map_or(u64::MAX, |us| us * NS_PER_US);
        ns.clamp(self.min * NS_PER_US, max)
    }
}

/// Inclusive bounds of a uniform draw.
pub type Span = [u64; 2];

/// What wakes the game thread for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// The display: an interrupt-like thread signals it at each vblank.
    Vblank,
    /// Its own timer at the refresh rate.
    Timer,
    /// Nothing: uncapped.
    Free,
}

/// What the game's threads wait on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    #[default]
    Futex,
    Ntsync,
}

/// Which names the game's threads carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    #[default]
    Native,
    Proton,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Display {
    pub refresh_hz: f64,
    pub pace: Pace,
    pub commit_margin_us: u64,
}

impl Display {
    pub fn period_ns(&self) -> u64 {
        (NS_PER_SEC as f64 / self.refresh_hz).round() as u64
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Game {
    pub game_us: Work,
    pub joins: u64,
    pub workers: usize,
    pub jobs_per_join: u64,
    pub job_us: Work,
    pub render_us: Work,
    pub rhi_chunk_us: Span,
    pub rhi_us: Work,
    pub submit_us: Work,
    pub fence_us: Work,
    pub gpu_us: Work,
    #[serde(default)]
    pub flavour: Flavour,
    #[serde(default)]
    pub sync: Sync,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wine {
    pub rpcs_per_segment: u64,
    pub rpcs_per_frame_render: u64,
    pub rpc_every_jobs: u64,
    pub rpc_us: Work,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loading {
    pub threads_per_cpu: f64,
    pub job_us: Span,
}

/// A lock that the render thread takes once a frame and a thread of no frame holds now and then.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    pub use_us: Work,
    /// Between two of the holder's turns it sleeps.
    pub gap_ms: Span,
    /// The holder's work before it takes the lock, and while it has it.
    pub before_us: Span,
    pub hold_us: Span,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audio {
    pub period_us: u64,
    pub mix_us: Work,
    pub server_us: Work,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desktop {
    pub input_hz: u64,
    pub reader_us: Work,
    pub libinput_us: Work,
    pub forward_us: Work,
    pub compose_us: Work,
    pub commit_us: Work,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extras {
    pub net_hz: u64,
    pub net_us: Work,
    pub stream_threads: usize,
    pub stream_gap_ms: Span,
    pub stream_us: Span,
    pub launcher_threads: usize,
    pub launcher_gap_ms: Span,
    pub launcher_us: Span,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    pub display: Display,
    pub game: Game,
    pub wine: Option<Wine>,
    pub loading: Option<Loading>,
    pub lock: Option<Lock>,
    pub audio: Audio,
    pub desktop: Desktop,
    pub extras: Extras,
}

impl Scenario {
    /// A profile that is part of the program.
    pub fn profile(name: &str) -> Result<Self> {
        let known = || PROFILES.map(|(n, _)| n).join(" ");
        match PROFILES.iter().find(|(n, _)| *n == name) {
            Some((_, text)) => Self::parse(text),
            None => bail!("no profile '{name}'; there are: {}", known()),
        }
    }

    pub fn file(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("read the scenario {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<()> {
        let extras = &self.extras;
        let spans = [
            ("rhi_chunk_us", self.game.rhi_chunk_us),
            ("stream_gap_ms", extras.stream_gap_ms),
            ("stream_us", extras.stream_us),
            ("launcher_gap_ms", extras.launcher_gap_ms),
            ("launcher_us", extras.launcher_us),
        ];
        let lock = self.lock.iter().flat_map(|l| {
            [
                ("lock.gap_ms", l.gap_ms),
                ("lock.before_us", l.before_us),
                ("lock.hold_us", l.hold_us),
            ]
        });
        for (name, [lo, hi]) in spans.into_iter().chain(lock) {
            if lo == 0 || lo > hi {
                bail!("{name}: bounds must be above zero and ascending, not [{lo}, {hi}]");
            }
        }
        let display = &self.display;
        if !(1.0..=1000.0).contains(&display.refresh_hz) {
            bail!("refresh_hz: {} is not in 1..1000", display.refresh_hz);
        }
        if display.commit_margin_us * NS_PER_US >= display.period_ns() {
            bail!("commit_margin_us: longer than the period of the display");
        }
        if self.game.joins > 0 && (self.game.workers == 0 || self.game.jobs_per_join == 0) {
            bail!("joins need workers and jobs_per_join");
        }
        if self.game.jobs_per_join > MAX_JOBS_PER_JOIN {
            bail!("jobs_per_join: at most {MAX_JOBS_PER_JOIN}");
        }
        if self.desktop.input_hz == 0 || self.extras.net_hz == 0 || self.audio.period_us == 0 {
            bail!("input_hz, net_hz and audio.period_us must be above zero");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_parses_and_carries_its_name() {
        for (name, _) in PROFILES {
            assert_eq!(Scenario::profile(name).unwrap().name, name);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let text = PROFILES[0].1;
        let broken = |from: &str, to: &str| {
            let error = Scenario::parse(&text.replace(from, to)).unwrap_err();
            format!("{error:#}")
        };
        assert!(broken("stream_us = [1000, 8000]", "stream_us = [9, 8]").contains("stream_us"));
        assert!(broken("joins = 3", "joins = 3\njoin = 4").contains("join"));
        assert!(broken("refresh_hz = 60.0", "refresh_hz = 0.0").contains("refresh_hz"));
        assert!(Scenario::profile("nope").is_err());
    }
}
