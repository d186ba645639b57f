// SPDX-License-Identifier: GPL-2.0-only
//! `photon-bench`: the command line of the game in a box.

use anyhow::Result;
use clap::{Parser, Subcommand};
use photon_bench::demo;

/// The game in a box: a seeded game, desktop and background load for judging CPU schedulers.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A mouse, a small frame loop and hogs for a few seconds: does the scheduler live?
    Demo {
        /// Measured time, seconds
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
        /// One JSON line instead of a table
        #[arg(long)]
        json: bool,
    },
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Demo { seconds, json } => run_demo(seconds, json),
    }
}

fn run_demo(seconds: f64, json: bool) -> Result<()> {
    let report = demo::run(seconds)?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    let show = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{v:.3}"));
    let (input, frame) = (&report.input_us, &report.frame_ms);
    println!("input source {}", report.input_source);
    println!(
        "{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "", "count", "p50", "p99", "p99.9", "max"
    );
    println!(
        "{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "input wake, us",
        input.count,
        show(input.p50),
        show(input.p99),
        show(input.p999),
        show(input.max)
    );
    println!(
        "{:<16}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "frame, ms",
        frame.frames,
        show(frame.p50),
        show(frame.p99),
        "",
        show(frame.max)
    );
    for (class, seconds) in &report.work {
        println!("{class:<16}{seconds:>10.3} CPU seconds");
    }
    Ok(())
}
