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
    /// x
    Run {
        #[arg(long, default_value = "60v")]
        profile: String,
        #[arg(long, default_value = "none")]
        background: String,
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).is_some_and(|a| a == "burn-job") {
        std::process::exit(photon_bench::background::job_main(&args[2..])?);
    }
    match Cli::parse().command {
        Command::Demo { seconds, json } => run_demo(seconds, json),
        Command::Run {
            profile,
            background,
            seconds,
        } => {
            let raw = photon_bench::cell::run(&photon_bench::cell::CellSpec {
                scenario: photon_bench::scenario::Scenario::profile(&profile)?,
                backgrounds: photon_bench::background::Background::parse_list(&background)?,
                seed: 1,
                seconds,
                settle: 1.0,
                rename: None,
                cgroup: None,
                compositor: photon_bench::crew::Compositor::Rr,
            })?;
            for (p, t) in raw.threads() {
                println!(
                    "{p} {} cpu {} maxwait {} jobs {} missed {} delays {} {:?} {:?}",
                    t.role,
                    t.out.cpu_ns / 1000,
                    t.out.max_wait_ns / 1000,
                    t.out.jobs,
                    t.out.missed,
                    t.out.delays_ns.len(),
                    t.out
                        .series
                        .iter()
                        .map(|(k, v)| (k, v.len()))
                        .collect::<Vec<_>>(),
                    t.stat
                );
            }
            Ok(())
        }
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
