// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask vm`: one scenario on one machine, for whoever is writing either.

use crate::artifacts::{self, Variants};
use crate::guest::{Job, Status};
use crate::kernel;
use crate::kernel_name::{Flavour, Series};
use crate::qemu::{Clock, Machine};
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::spec::SABOTAGE_FLAG;
use crate::vm::Vm;
use crate::{deps, shell};
use anyhow::{Context, Result};
use std::process::ExitCode;

/// 1,000 cycles of attach and detach, the longest there is, take an hour and more beside other work.
const LIMIT_S: u64 = 3 * 3600;

#[derive(clap::Args)]
pub struct Args {
    /// A kernel series such as 6.18, or `newest`
    #[arg(long, value_name = "SERIES", default_value = "newest")]
    kernel: Series,
    #[arg(long, value_enum, default_value = "generic")]
    flavour: Flavour,
    /// CPUs, as QEMU takes them: 4, or 8,sockets=2,cores=2,threads=2
    #[arg(long, default_value = "4")]
    smp: String,
    /// Every virtual CPU a thread of its own: real races, no meaningful times
    #[arg(long, conflicts_with = "kvm")]
    mt: bool,
    /// Use KVM, whether it works or not
    #[arg(long)]
    kvm: bool,
    /// Add a mouse and a keyboard that report by interrupt
    #[arg(long)]
    input_devices: bool,
    /// Add a display
    #[arg(long)]
    display: bool,
    /// Sleep so many steps before the scenario, which moves it to another phase of everything periodic
    #[arg(long, value_name = "N", default_value_t = 0)]
    shake: u32,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// The scenario and its arguments
    #[arg(last = true, required = true)]
    scenario: Vec<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure()?;
    let sabotage = args.scenario.iter().any(|a| a == SABOTAGE_FLAG);
    let variants = if sabotage {
        Variants::ProductAndSabotage
    } else {
        Variants::Product
    };
    let artifacts = artifacts::build_for_run(variants)?;
    let kernel = kernel::newest_of(&args.kernel, args.flavour, args.mirror.as_deref())?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let clock = match (args.mt, args.kvm) {
        (true, _) => Clock::Parallel,
        (_, true) => Clock::Kvm,
        _ => Clock::Virtual,
    };
    let machine = Machine {
        clock,
        input_devices: args.input_devices,
        display: args.display,
        ..Machine::virtual_time(&args.smp)
    };
    let mut vm = Vm::new("vm", &qemu, &kernel, &artifacts, machine);
    let (scenario, rest) = args.scenario.split_first().context("no scenario")?;
    vm.jobs = vec![Job {
        shake: args.shake,
        ..Job::new(scenario, rest.to_vec(), LIMIT_S)
    }];
    shell::step(&format!(
        "booting {} ({} CPUs, {})",
        kernel.name,
        args.smp,
        clock.describe()
    ));
    let reports = vm.run(&mut |seen| match seen {
        Seen::Booted { kernel, cpus } => shell::step(&format!("up: {kernel}, {cpus} CPUs")),
        Seen::Text(text) | Seen::Again(text) => println!("{text}"),
        Seen::Started(job) => shell::step(job),
    })?;
    let mut code = ExitCode::SUCCESS;
    for (job, report) in reports {
        println!(
            "{job}: {:?} {} {} ({:.2} guest s)",
            report.status, report.reason, report.metrics, report.seconds
        );
        if report.status == Status::Fail {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
