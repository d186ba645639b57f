// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask run`: scx_photon at work, on this kernel or in a machine that is made for it.

use crate::artifacts::{self, Artifacts, Variants};
use crate::guest::{Job, Status};
use crate::kernel::{self, Kernel};
use crate::kernel_name::{Flavour, Series};
use crate::qemu::{Clock, Machine};
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::vm::Vm;
use crate::{demo_table, deps, native, shell, space};
use anyhow::{Context, Result, anyhow};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const CPUS: usize = 4;
/// A kernel that runs under KVM says so within a second; one that does not, never.
const KVM_LIMIT: Duration = Duration::from_secs(10);
/// Two measured spans and an attach, which takes longest where the BPF verifier is emulated.
const LIMIT_S: u64 = 300;

#[derive(clap::Args)]
pub struct Args {
    /// Use a virtual machine even if this kernel has sched_ext
    #[arg(long)]
    vm: bool,
    /// The kernel for the virtual machine: a series such as 6.18, or `newest`
    #[arg(long, value_name = "SERIES", default_value = "newest")]
    kernel: Series,
    /// Measured guest seconds for each scheduler
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// Flags for scx_photon
    #[arg(last = true)]
    flags: Vec<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    space::ensure()?;
    deps::ensure()?;
    let artifacts = artifacts::build(Variants::Product)?;
    if native::possible() && !args.vm {
        return native::run(&artifacts, &args.flags);
    }
    if !args.vm {
        shell::step(
            "this kernel has no sched_ext, so a virtual machine with a stock Debian kernel gets it",
        );
    }
    let mirror = args.mirror.as_deref();
    let kernel = kernel::newest_of(&args.kernel, Flavour::Generic, mirror)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let machine = machine(&qemu, &kernel, &artifacts);
    in_vm(args, &qemu, &kernel, &artifacts, machine)
}

/// KVM if it truly works, with no more CPUs than there are; else emulation, where virtual time makes four out of one.
fn machine(qemu: &Qemu, kernel: &Kernel, artifacts: &Artifacts) -> Machine {
    let host_cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
    let kvm = Machine {
        clock: Clock::Kvm,
        ..Machine::virtual_time(&host_cpus.min(CPUS).to_string())
    };
    if kvm_works(qemu, kernel, artifacts, kvm.clone()) {
        return kvm;
    }
    Machine::virtual_time(&CPUS.to_string())
}

/// The device alone proves nothing: in some clouds a stock kernel dies in it. So one is booted.
fn kvm_works(qemu: &Qemu, kernel: &Kernel, artifacts: &Artifacts, machine: Machine) -> bool {
    if std::fs::File::options()
        .read(true)
        .write(true)
        .open(Path::new("/dev/kvm"))
        .is_err()
    {
        return false;
    }
    shell::step("trying KVM, for at most 10 s");
    let mut vm = Vm::new("kvm-probe", qemu, kernel, artifacts, machine);
    vm.silence = KVM_LIMIT;
    let works = vm.run(&mut |_| {}).is_ok();
    shell::step(if works {
        "KVM works"
    } else {
        "KVM does not work here; emulating"
    });
    works
}

fn in_vm(
    args: &Args,
    qemu: &Qemu,
    kernel: &Kernel,
    artifacts: &Artifacts,
    machine: Machine,
) -> Result<ExitCode> {
    let (cpus, clock) = (machine.smp.clone(), machine.clock);
    shell::step(&format!(
        "booting {} with {cpus} CPUs, {}",
        kernel.name,
        clock.describe()
    ));
    let mut vm = Vm::new("demo", qemu, kernel, artifacts, machine);
    let mut job_args = vec![
        "--seconds".to_string(),
        args.seconds.to_string(),
        "--".to_string(),
    ];
    job_args.extend(args.flags.iter().cloned());
    vm.jobs = vec![Job::new("demo", job_args, LIMIT_S)];
    let reports = vm.run(&mut |seen| match seen {
        Seen::Booted { kernel, cpus } => shell::step(&format!("up: Linux {kernel}, {cpus} CPUs")),
        Seen::Text(text) | Seen::Again(text) => println!("{text}"),
        Seen::Started(_) => {}
    })?;
    let (_, report) = reports.first().context("the guest reported nothing")?;
    if report.status != Status::Pass {
        return Err(anyhow!("the demo did not finish: {}", report.reason));
    }
    println!(
        "\nLinux {}, {cpus} CPUs {}, {} s each, 3 hogs a CPU",
        kernel.name,
        clock.describe(),
        args.seconds
    );
    print!("{}", demo_table::render(&report.metrics));
    Ok(ExitCode::SUCCESS)
}
