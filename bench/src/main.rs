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
    run_each(&cells, &mut out, stop_requested, |args| {
        Ok(serde_json::to_string(&report(args)?.0)?)
    })
}

/// What a stop leaves out is an error: a missing run must never look like a good one.
fn run_each(
    cells: &[(usize, CellArgs)],
    out: &mut dyn Write,
    stopped: impl Fn() -> bool,
    run: impl Fn(&CellArgs) -> Result<String>,
) -> Result<()> {
    let mut failed = 0;
    for ((line, args), left) in cells.iter().zip((0..cells.len()).rev()) {
        let answer = run(args).unwrap_or_else(|e| {
            failed += 1;
            eprintln!("photon-bench: line {line}: {e:#}");
            serde_json::json!({"line": line, "error": format!("{e:#}")}).to_string()
        });
        writeln!(out, "{answer}")?;
        out.flush()?;
        if left > 0 && stopped() {
            bail!("interrupted, {left} cells not run");
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written and what is said of a list of three cells.
    fn run_three(stopped: bool, fails: u64) -> (String, String) {
        let cells = cli::parse_cells("--seed 1\n--seed 2\n--seed 3\n").unwrap();
        let mut out = Vec::new();
        let result = run_each(
            &cells,
            &mut out,
            || stopped,
            |args| match args.seed == fails {
                true => bail!("it fails"),
                false => Ok(format!("seed {}", args.seed)),
            },
        );
        let said = result.map_or_else(|e| e.to_string(), |()| String::new());
        (String::from_utf8(out).unwrap(), said)
    }

    #[test]
    fn a_stop_between_two_cells_is_no_success() {
        let (written, said) = run_three(true, 0);
        assert_eq!(written, "seed 1\n");
        assert_eq!(said, "interrupted, 2 cells not run");
    }

    #[test]
    fn a_cell_that_fails_is_a_line_and_an_error() {
        let (written, said) = run_three(false, 2);
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "seed 1", "seed 3"));
        assert!(lines[1].contains("it fails") && lines[1].contains("\"line\":2"));
        assert_eq!(said, "1 cells failed");
        assert_eq!(run_three(false, 0).1, "");
    }
}
