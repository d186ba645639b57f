// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask soak`: boots of some minutes each, one after the other, until the time is over or one fails. Kernel,
//! number of CPUs and everything inside follow from the seed, which is printed: a failure's seed goes first next time.

use crate::artifacts::{self, Variants};
use crate::guest::{Job, Status};
use crate::kernel::{Kernel, Kernels};
use crate::kernel_name::{Flavour, Series};
use crate::qemu::{Clock, Machine};
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::vm::Vm;
use crate::{deps, shell};
use anyhow::{Context, Result};
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
    /// Kernel series to draw from; may be repeated
    #[arg(long, value_name = "SERIES", default_values = ["6.16", "6.18", "newest"])]
    kernel: Vec<Series>,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure()?;
    let artifacts = artifacts::build(Variants::Product)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let archive = shell::infrastructure(Kernels::open(args.mirror.as_deref()))?;
    let mut kernels: Vec<Kernel> = Vec::new();
    for series in &args.kernel {
        kernels.extend(shell::infrastructure(
            archive.obtain(series, Flavour::Generic),
        )?);
    }
    let length = Duration::from_secs_f64(args.hours * 3600.0);
    let (begin, mut seed, mut guest_s) = (Instant::now(), args.seed, 0.0);
    while begin.elapsed() < length {
        let kernel = &kernels[seed as usize % kernels.len()];
        let smp = MACHINES[(seed as usize / kernels.len()) % MACHINES.len()];
        shell::step(&format!("seed {seed}: {}, -smp {smp}", kernel.name));
        let machine = Machine {
            smp: smp.into(),
            clock: Clock::Parallel,
            input_devices: false,
            display: false,
        };
        let mut vm = Vm::new(&format!("soak {seed}"), &qemu, kernel, &artifacts, machine);
        vm.jobs = vec![job(seed)];
        let reports = vm.run(&mut |seen| {
            if let Seen::Text(text) = seen {
                println!("[{seed}] {text}");
            }
        })?;
        let (_, report) = reports.first().context("no report")?;
        guest_s += report.seconds;
        println!(
            "seed {seed}: {:?} {} {} ({:.0} guest s; {guest_s:.0} in all, {:.0} s here)",
            report.status,
            report.reason,
            report.metrics,
            report.seconds,
            begin.elapsed().as_secs_f64()
        );
        if report.status == Status::Fail {
            println!("again: cargo xtask soak --seed {seed}");
            return Ok(ExitCode::FAILURE);
        }
        seed += 1;
    }
    Ok(ExitCode::SUCCESS)
}

fn job(seed: u64) -> Job {
    let args = [
        "--seed",
        &seed.to_string(),
        "--seconds",
        &SECONDS_A_BOOT.to_string(),
    ];
    Job {
        name: "soak".into(),
        scenario: "soak".into(),
        args: args.map(str::to_string).to_vec(),
        limit_s: LIMIT_S,
    }
}
