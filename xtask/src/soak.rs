// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask soak`: boots of some minutes each, one after the other, until the time is over or one fails. Kernel,
//! number of CPUs and everything inside follow from the seed, which is printed: a failure's seed goes first next time.

use crate::artifacts::{self, Variants};
use crate::guest::{Job, Status};
use crate::kernel::{Kernel, Kernels};
use crate::kernel_name::{self, Flavour, Series};
use crate::qemu::{Clock, Machine};
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::vm::Vm;
use crate::{deps, shell};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const MACHINES: &[&str] = &["4", "2", "8,sockets=2,cores=2,threads=2", "1", "3"];
const SECONDS_A_BOOT: u64 = 180;
/// Guest seconds: loading alone takes some with CPUs that share the host's.
const LIMIT_S: u64 = 1200;

#[derive(clap::Args)]
pub struct Args {
    /// How long, in hours
    #[arg(long, value_name = "N", default_value_t = 1.0)]
    hours: f64,
    /// The first boot's seed; each further boot adds one
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Kernel series to draw from; may be repeated [default: those of tests/vm/KERNELS]
    #[arg(long, value_name = "SERIES")]
    kernel: Vec<Series>,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure()?;
    let artifacts = artifacts::build_for_run(Variants::Product)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let archive = shell::infrastructure(Kernels::open(args.mirror.as_deref()))?;
    let mut kernels: Vec<Kernel> = Vec::new();
    for series in &kernel_name::named_or_tested(&args.kernel)? {
        kernels.extend(shell::infrastructure(
            archive.obtain(series, Flavour::Generic),
        )?);
    }
    let length = Duration::from_secs_f64(args.hours * 3600.0);
    let (begin, mut seed, mut done) = (Instant::now(), args.seed, Done::default());
    while begin.elapsed() < length {
        let kernel = &kernels[seed as usize % kernels.len()];
        let smp = MACHINES[(seed as usize / kernels.len()) % MACHINES.len()];
        shell::step(&format!("seed {seed}: {}, -smp {smp}", kernel.name));
        let machine = Machine {
            clock: Clock::Parallel,
            ..Machine::virtual_time(smp)
        };
        let mut vm = Vm::new(&format!("soak {seed}"), &qemu, kernel, &artifacts, machine);
        vm.jobs = vec![job(seed)];
        let reports = vm.run(&mut |seen| {
            if let Seen::Text(text) | Seen::Again(text) = seen {
                println!("[{seed}] {text}");
            }
        })?;
        let (_, report) = reports.first().context("no report")?;
        done.add(&kernel.name, smp, report.seconds);
        println!(
            "seed {seed}: {:?} {} {} ({:.0} guest s; {:.0} s here)\nso far: {}",
            report.status,
            report.reason,
            report.metrics,
            report.seconds,
            begin.elapsed().as_secs_f64(),
            done.line()
        );
        if report.status == Status::Fail {
            println!("{}", again(seed, &args.kernel));
            return Ok(ExitCode::FAILURE);
        }
        seed += 1;
    }
    Ok(ExitCode::SUCCESS)
}

/// How to have that boot once more. Which kernel a seed has follows from all that were named, in their order.
fn again(seed: u64, named: &[Series]) -> String {
    let kernels = named.iter().map(|series| format!(" --kernel {series}"));
    format!(
        "again: cargo xtask soak --seed {seed}{}",
        kernels.collect::<String>()
    )
}

/// Boots and guest seconds by kernel and by machine.
#[derive(Default)]
struct Done(BTreeMap<String, (u32, f64)>);

impl Done {
    fn add(&mut self, kernel: &str, smp: &str, seconds: f64) {
        let cpus = smp.split(',').next().unwrap_or(smp);
        for what in [kernel.to_string(), format!("-smp {cpus}"), "all".into()] {
            let sum = self.0.entry(what).or_default();
            *sum = (sum.0 + 1, sum.1 + seconds);
        }
    }

    fn line(&self) -> String {
        let parts = self.0.iter();
        let parts = parts.map(|(what, (boots, s))| format!("{what}: {boots} boots, {s:.0} s"));
        parts.collect::<Vec<_>>().join("; ")
    }
}

fn job(seed: u64) -> Job {
    let args = [
        "--seed",
        &seed.to_string(),
        "--seconds",
        &SECONDS_A_BOOT.to_string(),
    ];
    Job::new("soak", args.map(str::to_string).to_vec(), LIMIT_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_boot_has_the_same_kernel() {
        let series = |names: &[&str]| names.iter().map(|n| n.parse().unwrap()).collect::<Vec<_>>();
        let named = again(704, &series(&["6.18", "newest"]));
        assert_eq!(
            named,
            "again: cargo xtask soak --seed 704 --kernel 6.18 --kernel newest"
        );
        assert_eq!(again(704, &[]), "again: cargo xtask soak --seed 704");
        // Another list gives every seed that was ever written down another kernel.
        let tested = kernel_name::named_or_tested(&[]).unwrap();
        assert_eq!(tested, series(&["6.16", "6.18", "7.3"]));
        let one = series(&["6.18"]);
        assert_eq!(kernel_name::named_or_tested(&one).unwrap(), one);
    }

    #[test]
    fn boots_are_summed_by_kernel_and_machine() {
        let mut done = Done::default();
        done.add("6.16", "4", 100.0);
        done.add("6.18", "4", 50.0);
        done.add("6.16", "8,sockets=2", 25.0);
        let line = done.line();
        assert!(line.contains("6.16: 2 boots, 125 s"), "{line}");
        assert!(line.contains("-smp 4: 2 boots, 150 s"), "{line}");
        assert!(line.contains("-smp 8: 1 boots, 25 s"), "{line}");
        assert!(line.contains("all: 3 boots, 175 s"), "{line}");
    }
}
