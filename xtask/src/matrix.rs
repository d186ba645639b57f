// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask matrix`: every kernel series that Debian has, in both flavours: does it boot, attach and see input there,
//! and what does it find missing. With `--write` the table goes into the README.

use crate::artifacts::{self, Artifacts, Variants};
use crate::guest::{Job, Report, Status};
use crate::kernel::{Kernel, Kernels};
use crate::kernel_name::{Flavour, Series};
use crate::qemu::Machine;
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::vm::Vm;
use crate::{deps, matrix_table, shell};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

/// Guest seconds; the longest of them takes some four.
const LIMIT_S: u64 = 120;
/// A second of a 1 kHz mouse: whether, not how well.
const REPORTS: &str = "1000";
/// Host time without a word from a kernel that may boot slowly on a busy host.
const SILENCE: Duration = Duration::from_secs(600);
const SMP: &str = "4";
const JOBS: &[&str] = &["boot", "capabilities", "attach", "input", "frames"];

#[derive(clap::Args)]
pub struct Args {
    /// A kernel series such as 6.18, `newest` or `all`
    #[arg(long, value_name = "SERIES", default_value = "all")]
    kernel: Series,
    /// Only this flavour
    #[arg(long, value_enum)]
    flavour: Option<Flavour>,
    /// Put the table into README.md
    #[arg(long)]
    write: bool,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

/// What one kernel came to.
pub struct Row {
    pub kernel: String,
    pub reports: BTreeMap<String, Report>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure()?;
    let artifacts = artifacts::build_for_run(Variants::Product)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let archive = shell::infrastructure(Kernels::open(args.mirror.as_deref()))?;
    let flavours = match args.flavour {
        Some(one) => vec![one],
        None => vec![Flavour::Generic, Flavour::Cloud],
    };
    let mut kernels = Vec::new();
    for flavour in flavours {
        kernels.extend(shell::infrastructure(
            archive.obtain(&args.kernel, flavour),
        )?);
    }
    let mut rows = Vec::new();
    for kernel in &kernels {
        // One that does not boot has a row of dashes, and the others are still worth knowing.
        rows.push(row(&qemu, kernel, &artifacts).unwrap_or_else(|e| {
            println!("INFRASTRUCTURE {e:#}");
            Row {
                kernel: kernel.name.clone(),
                reports: BTreeMap::new(),
            }
        }));
    }
    let table = matrix_table::render(&rows);
    println!("\n{table}");
    let dark = rows.iter().find(|r| r.reports.is_empty());
    if let (true, Some(dark)) = (args.write, dark) {
        eprintln!("xtask: {} did not boot: not written", dark.kernel);
    } else if args.write {
        matrix_table::MARKS.write(&table)?;
    }
    Ok(verdict(&rows))
}

/// A kernel that did not boot has failed nothing, and passed nothing.
fn verdict(rows: &[Row]) -> ExitCode {
    let mut reports = rows.iter().flat_map(|r| r.reports.values());
    if reports.any(|r| r.status == Status::Fail) {
        ExitCode::FAILURE
    } else if rows.iter().any(|r| r.reports.is_empty()) {
        ExitCode::from(crate::EXIT_INFRASTRUCTURE)
    } else {
        ExitCode::SUCCESS
    }
}

fn row(qemu: &Qemu, kernel: &Kernel, artifacts: &Artifacts) -> Result<Row> {
    let machine = Machine::virtual_time(SMP);
    shell::step(&format!("kernel {}", kernel.name));
    let mut vm = Vm::new(
        &format!("matrix {}", kernel.name),
        qemu,
        kernel,
        artifacts,
        machine,
    );
    vm.silence = SILENCE;
    vm.jobs = JOBS.iter().map(|name| job(name)).collect();
    let reports = vm.run(&mut |seen| {
        if let Seen::Text(text) | Seen::Again(text) = seen {
            println!("[{}] {text}", kernel.name);
        }
    });
    let reports = reports.with_context(|| kernel.name.clone())?;
    for (name, report) in &reports {
        println!(
            "{} {name}: {:?} {} {}",
            kernel.name, report.status, report.reason, report.metrics
        );
    }
    Ok(Row {
        kernel: kernel.name.clone(),
        reports: reports.into_iter().collect(),
    })
}

fn job(name: &str) -> Job {
    let args = match name {
        "boot" => vec!["--cpus".into(), SMP.into()],
        "input" => vec!["--reports".into(), REPORTS.into()],
        "frames" => vec!["--eevdf".into()],
        _ => Vec::new(),
    };
    Job::new(name, args, LIMIT_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_does_not_boot_is_no_failure_and_no_pass() {
        let row = |status: Option<Status>| Row {
            kernel: "7.3".into(),
            reports: status
                .map(|status| {
                    let report = Report {
                        status,
                        reason: String::new(),
                        metrics: serde_json::Value::Null,
                        seconds: 0.0,
                    };
                    ("attach".to_string(), report)
                })
                .into_iter()
                .collect(),
        };
        let (passed, failed, dark) = (Some(Status::Pass), Some(Status::Fail), None);
        for (rows, code) in [
            (vec![passed], ExitCode::SUCCESS),
            (vec![passed, failed, dark], ExitCode::FAILURE),
            (
                vec![passed, dark],
                ExitCode::from(crate::EXIT_INFRASTRUCTURE),
            ),
        ] {
            let rows: Vec<Row> = rows.into_iter().map(row).collect();
            assert_eq!(verdict(&rows), code);
        }
    }
}
