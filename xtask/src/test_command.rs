// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask test`: every test there is, cheap ones first.

use crate::artifacts::{self, Artifacts, Variants};
use crate::guest::Status;
use crate::jobs::BOOTS;
use crate::kernel::{self, Kernel, Kernels};
use crate::kernel_name::{self, Flavour, Series};
use crate::pool::{self, lock};
use crate::qemu::Clock;
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::spec::{Boot, On, Spec};
use crate::tally::Tally;
use crate::vm::Vm;
use crate::{deps, lint, policy, shell, space};
use anyhow::Result;
use std::process::ExitCode;
use std::sync::Mutex;

#[derive(clap::Args)]
pub struct Args {
    /// A kernel series such as 6.18, `newest` or `all`; may be repeated [default: those of tests/vm/KERNELS]
    #[arg(long, value_name = "SERIES")]
    kernel: Vec<Series>,
    /// Leave out the tests that boot a kernel
    #[arg(long)]
    no_vm: bool,
    /// Only tests whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// How many machines to boot at a time [default: one a CPU, at most 4]
    #[arg(long, value_name = "N")]
    vms: Option<usize>,
    /// Sleep so many steps before each scenario: virtual time is the same at each run of one build, and this moves
    /// everything to another phase, as the next commit would
    #[arg(long, value_name = "N", default_value_t = 0)]
    shake: u32,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| name.contains(only.as_str()))
    }
}

pub fn run(args: &Args) -> Result<ExitCode> {
    space::ensure()?;
    deps::ensure()?;
    let mut tally = Tally::default();
    static_tests(&mut tally, args)?;
    if !args.no_vm {
        vm_tests(&mut tally, args);
    }
    if let Some(only) = &args.only {
        tally.require_any(only);
    }
    Ok(tally.finish())
}

/// `cargo xtask check`
pub fn check() -> Result<ExitCode> {
    deps::ensure()?;
    let mut tally = Tally::default();
    lint::rustfmt(&mut tally);
    lint::clang_format(&mut tally);
    lint::clippy(&mut tally);
    lint::unit_tests(&mut tally)?;
    Ok(tally.finish())
}

/// `cargo xtask policy`
pub fn policy_only() -> Result<ExitCode> {
    deps::ensure()?;
    let mut tally = Tally::default();
    policy::run(&mut tally)?;
    Ok(tally.finish())
}

fn static_tests(tally: &mut Tally, args: &Args) -> Result<()> {
    if args.wants("rustfmt") {
        lint::rustfmt(tally);
    }
    if args.wants("clang-format") {
        lint::clang_format(tally);
    }
    if args.wants("policy") {
        policy::run(tally)?;
    }
    if args.wants("clippy") {
        lint::clippy(tally);
    }
    if args.wants("unit") {
        lint::unit_tests(tally)?;
    }
    Ok(())
}

/// One boot to do: a line of the table on one kernel, with those of its jobs that are wanted.
struct Task<'a> {
    boot: &'static Boot,
    kernel: &'a Kernel,
    specs: Vec<&'static Spec>,
}

impl Task<'_> {
    fn label(&self) -> String {
        format!("{} {}", self.kernel.series(), self.boot.name)
    }
}

fn vm_tests(tally: &mut Tally, args: &Args) {
    let kernels = match kernels(tally, args) {
        Ok(kernels) => kernels,
        Err(e) => return tally.infrastructure(&format!("{e:#}")),
    };
    let tasks = tasks(&kernels, args);
    if tasks.is_empty() {
        return;
    }
    let twins = tasks
        .iter()
        .any(|task| task.specs.iter().any(|spec| spec.needs_twin()));
    let variants = if twins {
        Variants::ProductAndSabotage
    } else {
        Variants::Product
    };
    let artifacts = match artifacts::build_for_run(variants) {
        Ok(artifacts) => artifacts,
        Err(e) => return tally.fail("build", &format!("{e:#}")),
    };
    let qemu = match Qemu::find() {
        Ok(qemu) => qemu,
        Err(e) => return tally.infrastructure(&format!("{e:#}")),
    };
    let workers = pool::workers(args.vms);
    shell::step(&format!("{} boots, {workers} at a time", tasks.len()));
    let tally = Mutex::new(tally);
    let run = |task: Task| run_task(&task, args, (&qemu, &artifacts), &tally);
    // In real time, and on all CPUs: beside another machine they would wait for the host, and be blamed for it.
    let (parallel, others): (Vec<_>, Vec<_>) = tasks
        .into_iter()
        .partition(|task| task.boot.clock == Clock::Parallel);
    pool::run(others, workers, run);
    pool::run(parallel, 1, run);
}

/// Fetches the kernels, the newest last. One that cannot be had is noted and the others are tested.
fn kernels(tally: &mut Tally, args: &Args) -> Result<Vec<Kernel>> {
    let wanted = kernel_name::named_or_tested(&args.kernel)?;
    let archive = Kernels::open(args.mirror.as_deref())?;
    let mut kernels: Vec<Kernel> = Vec::new();
    for series in wanted {
        match archive.obtain(&series, Flavour::Generic) {
            Ok(found) => kernels.extend(found),
            Err(e) => tally.infrastructure(&format!("kernel {series}: {e:#}")),
        }
    }
    Ok(kernel::in_order(kernels))
}

fn tasks<'a>(kernels: &'a [Kernel], args: &Args) -> Vec<Task<'a>> {
    let named = !args.kernel.is_empty();
    let mut tasks = Vec::new();
    for boot in BOOTS {
        for (index, kernel) in kernels.iter().enumerate() {
            let newest = index + 1 == kernels.len();
            let runs = match boot.on {
                On::EveryKernel => true,
                On::OldestAndNewest => newest || index == 0 || named,
                On::NewestKernel => newest,
                On::NewestOrNamed => newest || named,
            };
            if !runs {
                continue;
            }
            let mut task = Task {
                boot,
                kernel,
                specs: Vec::new(),
            };
            let label = task.label();
            task.specs = boot
                .jobs
                .iter()
                .filter(|s| args.wants(&format!("{label} {}", s.name)))
                .collect();
            if !task.specs.is_empty() {
                tasks.push(task);
            }
        }
    }
    tasks
}

fn run_task(
    task: &Task,
    args: &Args,
    (qemu, artifacts): (&Qemu, &Artifacts),
    tally: &Mutex<&mut Tally>,
) {
    let label = task.label();
    let machine = task.boot.machine();
    shell::step(&format!(
        "boot {label}: {} CPUs, {}",
        machine.smp,
        machine.clock.describe()
    ));
    let mut vm = Vm::new(&label, qemu, task.kernel, artifacts, machine);
    vm.jobs = task.specs.iter().map(|s| s.job(args.shake)).collect();
    let mut show = |seen: Seen| match seen {
        Seen::Started(job) => shell::step(&format!("{label} {job}")),
        Seen::Text(text) => println!("[{label}] {text}"),
        Seen::Again(why) => lock(tally).again(&label, why),
        Seen::Booted { .. } => {}
    };
    let reports = match vm.run(&mut show) {
        Ok(reports) => reports,
        Err(e) => return lock(tally).infrastructure(&format!("{e:#}")),
    };
    let mut tally = lock(tally);
    for spec in &task.specs {
        let name = format!("{label} {}", spec.name);
        let Some((_, report)) = reports.iter().find(|(job, _)| job == spec.name) else {
            tally.fail(&name, "no report");
            continue;
        };
        match spec.judge(report) {
            (Status::Pass, said) => tally.pass(&name, &detail(&said, report)),
            (Status::Fail, said) => tally.fail(&name, &said),
            (Status::Skip, said) => tally.skip(&name, &said),
        }
    }
}

fn detail(said: &str, report: &crate::guest::Report) -> String {
    let metrics = if report.metrics.is_null() {
        String::new()
    } else {
        format!(" {}", report.metrics)
    };
    let text = format!("{said}{metrics} ({:.1} guest s)", report.seconds);
    text.trim_start().to_string()
}
