// SPDX-License-Identifier: GPL-2.0-only
//! `photon-bench`: the command line of the game in a box.

mod cli;

use anyhow::{Context, Result, bail};
use clap::Parser;
use cli::{CellArgs, Cli, Command};
use photon_bench::background::{JOB_COMMAND, KINDS, Unit, job_main};
use photon_bench::metrics::cell::frames_of;
use photon_bench::metrics::definitions::{explain, find};
use photon_bench::report::{Report, Scheduler, attached};
use photon_bench::scenario::PROFILES;
use photon_bench::sys::signal::stop_requested;
use photon_bench::{aggregate, cell, demo, mangohud};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("photon-bench: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    // A job of the compile background: no command line is parsed, it must start fast.
    if args.get(1).is_some_and(|a| a == JOB_COMMAND) {
        std::process::exit(job_main(&args[2..])?);
    }
    let cli = Cli::parse();
    if cli.explain {
        print!("{}", explain());
        return Ok(());
    }
    match cli.command {
        Some(Command::Demo { seconds, json }) => run_demo(seconds, json),
        Some(Command::Run { cell, csv }) => run_cell(&cell, csv.as_deref()),
        Some(Command::Cells { list, json }) => run_cells(&list, &json),
        Some(Command::Compare { a, b, metrics }) => compare(&a, &b, &metrics),
        Some(Command::List) => {
            list();
            Ok(())
        }
        None => bail!("nothing to do: see --help"),
    }
}

fn run_demo(seconds: f64, json: bool) -> Result<()> {
    let report = demo::run(seconds)?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", report.table());
    }
    Ok(())
}

/// Write to a file, or to standard output for `-`.
fn write_to(target: &Path, text: &str) -> Result<()> {
    if target == Path::new("-") {
        print!("{text}");
        return Ok(());
    }
    std::fs::write(target, text).with_context(|| format!("write {}", target.display()))
}

fn report(args: &CellArgs) -> Result<(Report, String)> {
    let spec = args.spec()?;
    let before = attached();
    let raw = cell::run(&spec)?;
    let scheduler = Scheduler {
        before,
        after: attached(),
    };
    let mut report = Report::new(&spec, &args.background, &raw, scheduler);
    if args.no_frames {
        report.frames = None;
    }
    let csv = mangohud::csv(
        &frames_of(&raw),
        &report.kernel,
        report.scheduler.after.as_deref(),
    );
    Ok((report, csv))
}

fn run_cell(args: &CellArgs, csv: Option<&Path>) -> Result<()> {
    let (report, log) = report(args)?;
    match &args.json {
        Some(target) => write_to(target, &format!("{}\n", serde_json::to_string(&report)?))?,
        None => print!("{}", report.table()),
    }
    csv.map_or(Ok(()), |target| write_to(target, &log))
}

/// The cells of a file, one after another; one JSON line each. A cell that fails is a line with
/// its error, and the next one runs.
fn run_cells(list: &Path, json: &Path) -> Result<()> {
    let text = std::fs::read_to_string(list).with_context(|| format!("read {}", list.display()))?;
    let cells = cli::parse_cells(&text).with_context(|| list.display().to_string())?;
    let mut out: Box<dyn Write> = match json == Path::new("-") {
        true => Box::new(std::io::stdout()),
        false => Box::new(
            std::fs::File::create(json).with_context(|| format!("create {}", json.display()))?,
        ),
    };
    let mut failed = 0;
    for (line, args) in cells {
        let answer = match report(&args) {
            Ok((report, _)) => serde_json::to_string(&report)?,
            Err(e) => {
                failed += 1;
                eprintln!("photon-bench: line {line}: {e:#}");
                serde_json::json!({"line": line, "error": format!("{e:#}")}).to_string()
            }
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
        if stop_requested() {
            break;
        }
    }
    match failed {
        0 => Ok(()),
        n => bail!("{n} cells failed"),
    }
}

fn compare(a: &Path, b: &Path, metrics: &[String]) -> Result<()> {
    if let Some(unknown) = metrics.iter().find(|m| find(m).is_none()) {
        bail!("no metric '{unknown}'; see --explain");
    }
    let keys: Vec<&str> = metrics.iter().map(String::as_str).collect();
    let rows = aggregate::compare(&aggregate::load(a)?, &aggregate::load(b)?, &keys);
    if rows.is_empty() {
        bail!("the two files have no cell and seed in common");
    }
    let mut cell = None;
    for row in &rows {
        if cell != Some(&row.key) {
            let k = &row.key;
            println!(
                "{} beside {} {}({} CPUs)",
                k.profile, k.background, k.variant, k.cpus
            );
            cell = Some(&row.key);
        }
        let d = &row.difference;
        println!(
            "  {:<28}{:>12.3}{:>12.3} {:<7} {:+.3} [{:+.3}, {:+.3}] n={} {:?}",
            row.metric.key,
            row.mean_a,
            row.mean_b,
            row.metric.unit,
            d.estimate,
            d.low,
            d.high,
            d.n,
            row.finding
        );
    }
    Ok(())
}

fn list() {
    println!("profiles: {}", PROFILES.map(|(name, _)| name).join(" "));
    println!("backgrounds, with their default amounts:");
    for kind in &KINDS {
        let unit = match kind.unit {
            Unit::PerCpu => "per CPU",
            Unit::InAll => "in all",
        };
        println!(
            "  {:<14}{:>7} {:<8} {}",
            kind.name, kind.default, unit, kind.about
        );
    }
}
