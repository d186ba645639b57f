// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench cost`: what a scheduler's BPF programs cost, in guest instructions.

use super::arms::{Arm, OWN};
use super::boots::arm_artifacts;
use super::{ledger, plan};
use crate::artifacts::{self, Artifacts, Variants};
use crate::guest::{Job, Status};
use crate::kernel::{Kernel, Kernels};
use crate::kernel_name::{Flavour, Series};
use crate::qemu::Machine;
use crate::qemu_package::Qemu;
use crate::vm::Vm;
use crate::{deps, paths, shell};
use anyhow::{Context, Result, bail};
use photon_bench::budget::{self, Budget, Costs, Measured, Program};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const SCENARIO: &str = "cost";
/// Guest seconds; the slowest peer needs 40 to be verified.
const LIMIT_S: u64 = 300;
/// Of the boots whose mean is a budget, microseconds before the first game: other courses of the same games.
const UPDATE_DELAYS_US: &[u64] = &[0, 1_300, 2_600];
const NAME_WIDTH: usize = 18;
const WIDTH: usize = 13;

#[derive(clap::Args)]
pub struct Args {
    /// Comma separated names, as for `bench`, and `peers` for all of them
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "photon"
    )]
    schedulers: Vec<String>,
    /// A kernel series such as 6.18, `newest` or `all`; may be repeated
    #[arg(long, value_name = "SERIES", default_value = "newest")]
    kernel: Vec<Series>,
    /// CPUs of the machine, as QEMU takes them
    #[arg(long, value_name = "N", default_value = "4")]
    smp: String,
    /// PROFILE+BACKGROUND[+BACKGROUND...] [default: 60v+hogs:1+forkstorm:0.5]
    #[arg(long, value_name = "CELL")]
    cell: Option<String>,
    /// Measured guest milliseconds
    #[arg(long, value_name = "N")]
    ms: Option<u64>,
    /// The first seed
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// How many games with a seed each are added up [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Count in windows of so many microseconds, and only those that no turn of another virtual CPU fell into: for
    /// machines of 16 CPUs, where some fall into most windows of the usual 100,000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    window_us: Option<u64>,
    /// Write what scx_photon costs on these kernels, the mean of three boots, into bench/budget.toml
    #[arg(long, conflicts_with_all = ["smp", "cell", "ms", "seed", "seeds", "window_us", "schedulers"])]
    update: bool,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

impl Args {
    /// Only the circumstances of the budget can be compared with it.
    fn as_budgeted(&self) -> bool {
        let defaults = self.cell.is_none() && self.ms.is_none() && self.seeds.is_none();
        let defaults = defaults && self.window_us.is_none();
        self.smp == "4" && self.seed == 1 && defaults
    }
}

/// One scheduler on one kernel.
struct Row {
    kernel: String,
    series: String,
    arm: String,
    about: String,
    outcome: Result<Measured, String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    if let Some(cell) = &args.cell {
        plan::check_cells(std::slice::from_ref(cell))?;
    }
    let mut arms = plan::parse_arms(&args.schedulers)?;
    deps::ensure()?;
    let variants = match arms.iter().any(Arm::needs_twin) {
        true => Variants::ProductAndSabotage,
        false => Variants::Product,
    };
    let artifacts = artifacts::build_for_run(variants)?;
    arms.iter_mut().for_each(|arm| arm.obtain(&artifacts));
    let qemu = shell::infrastructure(Qemu::find())?;
    let archive = shell::infrastructure(Kernels::open(args.mirror.as_deref()))?;
    let (mut rows, mut broken) = (Vec::new(), None);
    for series in &args.kernel {
        for kernel in shell::infrastructure(archive.obtain(series, Flavour::Generic))? {
            let delays = if args.update { UPDATE_DELAYS_US } else { &[0] };
            for (arm, delay) in arms
                .iter()
                .flat_map(|arm| delays.iter().map(move |d| (arm, d)))
            {
                shell::step(&format!("{} on {}", arm.name, kernel.name));
                let outcome = boot(args, &qemu, &kernel, &artifacts, arm, *delay).map_err(|e| {
                    let reason = format!("{e:#}");
                    broken = broken.take().or(Some(e).filter(shell::is_infrastructure));
                    reason
                });
                rows.push(Row {
                    kernel: kernel.name.clone(),
                    series: kernel.series(),
                    arm: arm.name.clone(),
                    about: arm.about(),
                    outcome,
                });
            }
        }
    }
    print!("\n{}", render(&rows));
    println!("JSON {}", store(&rows)?.display());
    match (broken, args.update) {
        (Some(error), true) => Err(error),
        (None, true) => update(&rows),
        // What was measured and is too much is so whatever did not boot.
        (broken, false) => match judge(args, &rows)? {
            ExitCode::SUCCESS => broken.map_or(Ok(ExitCode::SUCCESS), Err),
            failure => Ok(failure),
        },
    }
}

fn boot(
    args: &Args,
    qemu: &Qemu,
    kernel: &Kernel,
    artifacts: &Artifacts,
    arm: &Arm,
    delay_us: u64,
) -> Result<Measured> {
    let artifacts = arm_artifacts(artifacts, arm)?;
    let machine = Machine::virtual_time(&args.smp);
    let name = format!("cost-{}-{}", arm.name, kernel.series());
    let mut vm = Vm::new(&name, qemu, kernel, &artifacts, machine);
    let mut common = vec!["--seed".to_string(), args.seed.to_string()];
    if delay_us > 0 {
        common.extend(["--delay-us".to_string(), delay_us.to_string()]);
    }
    if let Some(cell) = &args.cell {
        common.extend(["--cell".to_string(), cell.clone()]);
    }
    if let Some(seeds) = args.seeds {
        common.extend(["--seeds".to_string(), seeds.to_string()]);
    }
    if let Some(ms) = args.ms {
        common.extend(["--ms".to_string(), ms.to_string()]);
    }
    if let Some(us) = args.window_us {
        common.extend(["--window-us".to_string(), us.to_string()]);
    }
    vm.jobs = vec![Job::new(SCENARIO, arm.arguments(&common), LIMIT_S)];
    let reports = vm.run(&mut |_| {})?;
    let (_, report) = reports.into_iter().next().context("no report")?;
    if report.status != Status::Pass {
        bail!("{}", report.reason);
    }
    serde_json::from_value(report.metrics).context("the guest's report")
}

/// Every row by its programs, then all rows in short.
fn render(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "{} ({}) on {}", row.arm, row.about, row.kernel);
        match &row.outcome {
            Ok(measured) => programs(&mut text, measured),
            Err(reason) => {
                let _ = writeln!(text, "  no result: {reason}");
            }
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "{:<NAME_WIDTH$}{:<24}{:>14}{:>14}{:>14}",
        "scheduler", "kernel", "per schedule", "schedules", "verified"
    );
    for row in rows {
        let _ = write!(text, "{:<NAME_WIDTH$}{:<24}", row.arm, row.kernel);
        let _ = match &row.outcome {
            Ok(m) => writeln!(
                text,
                "{:>14.0}{:>14}{:>14}",
                m.per_schedule(),
                m.put_on_cpu,
                verified(m)
            ),
            Err(_) => writeln!(text, "{:>14}", "no result"),
        };
    }
    text + "Guest instructions, kernel functions that the programs call included, an empty program's taken off; per\n\
            schedule: of all callbacks for each time a task is put on a CPU. Timers of BPF are not counted.\n"
}

fn verified(measured: &Measured) -> u64 {
    let all = measured.callbacks.iter().chain(&measured.probes);
    all.map(|p| p.verified).sum()
}

fn programs(text: &mut String, measured: &Measured) {
    let _ = writeln!(
        text,
        "  {:<NAME_WIDTH$}{:>WIDTH$}{:>WIDTH$}{:>WIDTH$}{:>WIDTH$}",
        "program", "runs", "per run", "per schedule", "verified"
    );
    let mut line = |program: &Program, counts: bool| {
        let per_schedule = program.instructions as f64 / measured.put_on_cpu.max(1) as f64;
        let per_schedule = match counts {
            true => format!("{per_schedule:.1}"),
            // Of an interrupt or a system call, not of the scheduler.
            false => "probe".to_string(),
        };
        let _ = writeln!(
            text,
            "  {:<NAME_WIDTH$}{:>WIDTH$}{:>WIDTH$.1}{per_schedule:>WIDTH$}{:>WIDTH$}",
            program.name,
            program.runs,
            program.per_run(),
            program.verified
        );
    };
    let mut callbacks: Vec<&Program> = measured.callbacks.iter().collect();
    callbacks.sort_by_key(|p| std::cmp::Reverse(p.instructions));
    callbacks.into_iter().for_each(|p| line(p, true));
    measured.probes.iter().for_each(|p| line(p, false));
    let _ = writeln!(
        text,
        "  {:<NAME_WIDTH$}{:>WIDTH$}{:>WIDTH$}{:>WIDTH$.1}{:>WIDTH$}",
        "all callbacks",
        "",
        "",
        measured.per_schedule(),
        verified(measured)
    );
}

fn store(rows: &[Row]) -> Result<PathBuf> {
    let list = |programs: &[Program]| -> Vec<Value> {
        let one = |p: &Program| json!({"name": p.name, "runs": p.runs, "instructions": p.instructions, "verified": p.verified});
        programs.iter().map(one).collect()
    };
    let row = |row: &Row| match &row.outcome {
        Ok(m) => {
            json!({"scheduler": row.arm, "about": row.about, "kernel": row.kernel, "baseline": m.baseline,
                   "put_on_cpu": m.put_on_cpu, "per_schedule": m.per_schedule(),
                   "callbacks": list(&m.callbacks), "probes": list(&m.probes)})
        }
        Err(reason) => {
            json!({"scheduler": row.arm, "about": row.about, "kernel": row.kernel, "no_result": reason})
        }
    };
    let dir = paths::target().join("photon-bench");
    std::fs::create_dir_all(&dir)?;
    let file = dir.join("cost.json");
    let rows: Vec<Value> = rows.iter().map(row).collect();
    std::fs::write(&file, serde_json::to_string_pretty(&rows)? + "\n")?;
    Ok(file)
}

/// The budget file with the figures of the kernels measured; those of others stay.
fn update(rows: &[Row]) -> Result<ExitCode> {
    let file = paths::root().join("bench/budget.toml");
    let mut budget = Budget::parse(&std::fs::read_to_string(&file)?)?;
    let mut by_series = BTreeMap::<&str, Vec<Costs>>::new();
    for row in rows {
        let measured = row.outcome.as_ref().map_err(|e| anyhow::anyhow!("{e}"))?;
        by_series
            .entry(&row.series)
            .or_default()
            .push(Costs::of(measured));
    }
    for (series, costs) in by_series {
        budget
            .kernel
            .insert(series.to_string(), Costs::mean(&costs));
    }
    std::fs::write(&file, budget::file(&budget)?)?;
    // Read back, so that both files hold the same, rounded figures.
    for (series, costs) in Budget::parse(&std::fs::read_to_string(&file)?)?.kernel {
        if rows.iter().any(|row| row.series == series) {
            ledger::add(&series, &costs)?;
        }
    }
    shell::step(&format!("wrote {}", file.display()));
    Ok(ExitCode::SUCCESS)
}

/// Peers may fall out; scx_photon must be there and within its budget.
fn judge(args: &Args, rows: &[Row]) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    // Read now and not at compile time, so that an edited file counts.
    let budget = Budget::parse(&std::fs::read_to_string(
        paths::root().join("bench/budget.toml"),
    )?)?;
    for row in rows.iter().filter(|row| row.arm == OWN) {
        let complaints = match &row.outcome {
            Err(reason) => vec![reason.clone()],
            Ok(measured) if args.as_budgeted() => budget.over(&row.series, measured)?,
            Ok(_) => Vec::new(),
        };
        for complaint in complaints {
            eprintln!("xtask: {} on {}: {complaint}", row.arm, row.series);
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
