// SPDX-License-Identifier: GPL-2.0-only
//! The options of the program.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use photon_bench::background::Background;
use photon_bench::cell::CellSpec;
use photon_bench::crew::Compositor;
use photon_bench::scenario::Scenario;
use std::path::PathBuf;

/// What a comparison shows unless told otherwise.
const DEFAULT_METRICS: [&str; 7] = [
    "frame_p50_ms",
    "frame_p99_ms",
    "frames_late",
    "input_wake_p999_us",
    "audio_xruns",
    "background_cpu_s",
    "background_longest_wait_ms",
];

/// The game in a box: a seeded game, desktop and background load for judging CPU schedulers.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// Print what every metric means and where its definition is from
    #[arg(long)]
    pub explain: bool,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// A mouse, a small frame loop and hogs for a few seconds: does the scheduler live?
    Demo {
        /// Measured time, seconds
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
        /// One JSON line instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Run one cell: a profile beside a background with a seed
    Run {
        #[command(flatten)]
        cell: CellArgs,
        /// Also write the frames in MangoHud's column format (- for standard output)
        #[arg(long, value_name = "FILE")]
        csv: Option<PathBuf>,
    },
    /// Run the cells of a file, one line of `run` options each, one JSON line each
    Cells {
        /// The file; empty lines and those that start with # do not count
        #[arg(long, value_name = "FILE")]
        list: PathBuf,
        /// Where the JSON lines go
        #[arg(long, value_name = "FILE", default_value = "-")]
        json: PathBuf,
    },
    /// Compare JSON lines of two schedulers, paired by cell and seed
    Compare {
        /// The baseline
        a: PathBuf,
        /// The other
        b: PathBuf,
        /// Metrics to compare: see --explain
        #[arg(long, value_delimiter = ',', default_values = DEFAULT_METRICS)]
        metrics: Vec<String>,
    },
    /// The profiles and backgrounds there are
    List,
}

#[derive(Clone, Debug, Args)]
pub struct CellArgs {
    /// The game: see `list`
    #[arg(long, default_value = "60v")]
    pub profile: String,
    /// A scenario file instead of a profile
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub scenario: Option<PathBuf>,
    /// What runs beside it, with optional amounts: `none`, `compile`, `hogs:2,ipc:10`; see `list`
    #[arg(long, default_value = "none")]
    pub background: String,
    /// Seed of all draws
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Measured time, seconds
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Time before that, seconds
    #[arg(long, default_value_t = 2.0)]
    pub settle: f64,
    /// Give all threads of game and background this one name
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    /// Put the game into a cgroup of this name
    #[arg(long, value_name = "NAME")]
    pub cgroup: Option<String>,
    /// The game tells scx_photon that it is one, as `scx_photon run` does
    #[arg(long)]
    pub registered: bool,
    /// How compositor and libinput are scheduled
    #[arg(long, value_enum, default_value_t = Compositor::Rr)]
    pub compositor: Compositor,
    /// JSON to this file (- for standard output) instead of a table
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Leave the raw frames out of the JSON
    #[arg(long)]
    pub no_frames: bool,
}

impl CellArgs {
    pub fn spec(&self) -> Result<CellSpec> {
        let scenario = match &self.scenario {
            Some(path) => Scenario::file(path)?,
            None => Scenario::profile(&self.profile)?,
        };
        Ok(CellSpec {
            scenario,
            backgrounds: Background::parse_list(&self.background)?,
            seed: self.seed,
            seconds: self.seconds,
            settle: self.settle,
            rename: self.rename.clone(),
            cgroup: self.cgroup.clone(),
            registered: self.registered,
            compositor: self.compositor,
        })
    }
}

/// Parses a line of a list as the options of `run`.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct CellLine {
    #[command(flatten)]
    cell: CellArgs,
}

/// The cells of a list with their line numbers; a wrong one is named before any runs.
pub fn parse_cells(text: &str) -> Result<Vec<(usize, CellArgs)>> {
    let lines = text.lines().zip(1..).map(|(l, n)| (l.trim(), n));
    let cells = lines.filter(|(l, _)| !l.is_empty() && !l.starts_with('#'));
    cells
        .map(|(line, number)| {
            let parsed = CellLine::try_parse_from(line.split_whitespace());
            let cell = parsed.with_context(|| format!("line {number}"))?.cell;
            cell.spec().with_context(|| format!("line {number}"))?;
            Ok((number, cell))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_checked_before_they_run() {
        let good = "# comment\n\n--profile 144 --background compile --seed 3\n";
        let cells = parse_cells(good).unwrap();
        assert_eq!((cells.len(), cells[0].0, cells[0].1.seed), (1, 3, 3));
        for bad in ["--profile nope", "--background nope", "--sed 1"] {
            let error = format!("{:#}", parse_cells(bad).unwrap_err());
            assert!(error.contains("line 1"), "{error}");
        }
    }
}
