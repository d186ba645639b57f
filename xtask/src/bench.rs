// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench`: which scheduler makes the better frame, said with repeated, paired runs.

mod arms;
mod boots;
mod controls;
mod cost;
mod ledger;
mod native;
mod page;
mod peers;
mod plan;
mod proof;
mod published;
mod repeat;
mod results;
mod table;
mod traces;

use crate::artifacts::{self, Variants};
use crate::kernel;
use crate::kernel_name::{Flavour, Series};
use crate::qemu_package::Qemu;
use crate::{deps, paths, shell};
use anyhow::{Context, Error, Result};
use boots::{Boots, Ran, Rig};
use plan::Plan;
#[cfg(test)]
pub use proof::MARKS;
use results::Results;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const NEWEST: &str = "newest";
/// The machine of all figures.
const FOUR_CPUS: &str = "4";

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// EEVDF and scx_photon, 3 seeds, 4 short cells: a few minutes [default]
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// Every scheduler, 5 seeds, 8 long cells, with an A/A control and a sabotaged scx_photon: hours
    #[arg(long)]
    full: bool,
    /// How many seeds, from 1 on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seeds: Option<u64>,
    /// Comma separated PROFILE+BACKGROUND[+BACKGROUND...], as `photon-bench list` names them; behind it `@renamed` for
    /// threads that are all called worker, `@cgroup` for a game in a cgroup of its own
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    cells: Vec<String>,
    /// Measured guest milliseconds for each cell
    #[arg(long, value_name = "N")]
    ms: Option<u64>,
    /// Guest milliseconds before that, until queues have filled
    #[arg(long, value_name = "N")]
    settle_ms: Option<u64>,
    /// A kernel series such as 6.18, or `newest`
    #[arg(long, value_name = "SERIES", default_value = NEWEST)]
    kernel: Series,
    /// CPUs of the machine, as QEMU takes them
    #[arg(long, value_name = "N", default_value = FOUR_CPUS)]
    smp: String,
    /// Comma separated names: eevdf, photon, a peer, PEER-gaming for its gaming flags, `aa` (EEVDF once more),
    /// `sabotage` (scx_photon that never preempts), or `peers` for all of them
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    schedulers: Vec<String>,
    /// Keep the boots an earlier run has finished, but for those of a scheduler that was built anew since, and its bench
    #[arg(long)]
    resume: bool,
    /// Boot nothing: report what earlier boots of the same plan have left
    #[arg(long, requires = "resume")]
    report: bool,
    /// Write docs/bench and the README's table from this run; what is there of schedulers that it leaves out stays, if
    /// it is of the same plan
    #[arg(long)]
    publish: bool,
    /// How many machines to boot at a time [default: one a CPU, at most 4]
    #[arg(long, value_name = "N")]
    vms: Option<usize>,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

impl Args {
    /// What makes these figures again, without what changes none.
    fn command(&self) -> String {
        let mut words = vec!["cargo xtask bench".to_string()];
        words.extend(self.full.then(|| "--full".to_string()));
        words.extend(self.seeds.map(|n| format!("--seeds {n}")));
        words.extend(self.ms.map(|n| format!("--ms {n}")));
        words.extend(self.settle_ms.map(|n| format!("--settle-ms {n}")));
        for (option, value, default) in [
            ("--kernel", self.kernel.to_string(), NEWEST),
            ("--smp", self.smp.clone(), FOUR_CPUS),
        ] {
            words.extend((value != default).then(|| format!("{option} {value}")));
        }
        for (option, list) in [("--cells", &self.cells), ("--schedulers", &self.schedulers)] {
            if !list.is_empty() {
                words.push(format!("{option} {}", list.join(",")));
            }
        }
        words.join(" ")
    }
}

#[derive(clap::Subcommand)]
enum What {
    /// What the schedulers' BPF programs cost: instructions a callback and a schedule, against bench/budget.toml
    Cost(cost::Args),
    /// The same run twice: is it the same to the frame?
    Repeat(repeat::Args),
    /// What the kernel part's pieces cost on this machine's own kernel: nanoseconds, and ratios to an empty program
    Native(native::Args),
    /// Write the tables of the README, and the table and pictures of docs/bench, once more from the data in docs/bench
    Proof,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        None => frames(args),
        Some(What::Cost(args)) => cost::run(args),
        Some(What::Repeat(args)) => repeat::run(args),
        Some(What::Native(args)) => native::run(args),
        Some(What::Proof) => {
            published::derive()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn frames(args: &Args) -> Result<ExitCode> {
    let mut plan = Plan::new(args)?;
    deps::ensure()?;
    let variants = match plan.needs_sabotage() {
        true => Variants::ProductAndSabotage,
        false => Variants::Product,
    };
    let dir = paths::target().join("photon-bench").join(&plan.name);
    let artifacts = artifacts::build(variants)?.copied(&dir.join("programs"), args.resume)?;
    plan.arms.iter_mut().for_each(|arm| arm.obtain(&artifacts));
    let mirror = args.mirror.as_deref();
    let kernel = kernel::newest_of(&args.kernel, Flavour::Generic, mirror)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    plan.settings.kernel = kernel.name.clone();
    let rig = Rig {
        qemu: &qemu,
        kernel: &kernel,
        artifacts: &artifacts,
    };
    let boots = Boots::prepare(&plan, &dir, &artifacts, args.resume)?;
    let Ran { failures, broken } = match args.report {
        true => boots.ran(),
        false => boots.run(&rig, args.vms),
    };
    let results = Results::collect(&plan, &dir, failures)?;
    print!("\n{}", table::render(&results));
    for (what, file) in write(&results, &dir)? {
        println!("{what:<6} {}", file.display());
    }
    let failed = complains(&results, broken.is_empty());
    // Figures of a run that is not whole are nobody's.
    if let Some(error) = unfinished(broken) {
        return match failed {
            true => {
                eprintln!("xtask: {error:#}");
                Ok(ExitCode::FAILURE)
            }
            false => Err(error),
        };
    }
    if args.publish {
        published::publish(results, &args.command())?;
    }
    Ok(match failed {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Says what must not be, and whether there was anything. The controls need every run.
fn complains(results: &Results, whole: bool) -> bool {
    let mut complaints: Vec<String> = results.own_failure().into_iter().collect();
    if whole {
        let bad = controls::controls(results).into_iter().filter(|c| !c.good);
        complaints.extend(bad.map(|c| c.text));
    }
    complaints.iter().for_each(|c| eprintln!("xtask: {c}"));
    !complaints.is_empty()
}

/// The first of what broke stands for all; each was told when it happened.
fn unfinished(broken: Vec<Error>) -> Option<Error> {
    let boots = broken.len();
    let first = broken.into_iter().next()?;
    Some(first.context(format!(
        "{boots} boots not run, so nothing is published; run the same again with --resume"
    )))
}

fn write(results: &Results, dir: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let outputs = [
        (
            "JSON",
            "summary.json",
            serde_json::to_string_pretty(&results.summary())? + "\n",
        ),
        ("CSV", "runs.csv", results.csv()),
        ("page", "report.html", page::render(results)),
    ];
    let mut written = Vec::new();
    for (what, name, text) in outputs {
        let file = dir.join(name);
        std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        written.push((what, file));
    }
    for (what, name, files) in [
        ("logs", "mangohud", results.mangohud()),
        ("plots", "pictures", page::pictures(results)),
    ] {
        let part = dir.join(name);
        std::fs::create_dir_all(&part)?;
        for (name, text) in files {
            std::fs::write(part.join(name), text)?;
        }
        written.push((what, part));
    }
    Ok(written)
}
