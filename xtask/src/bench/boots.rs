// SPDX-License-Identifier: GPL-2.0-only
//! The boots of a run, one for each scheduler and seed: which are left, running them, saying how long it will take.

use super::arms::Arm;
use super::plan::{Plan, Settings};
use crate::artifacts::Artifacts;
use crate::guest::{Job, Status};
use crate::kernel::Kernel;
use crate::pool::{self, lock};
use crate::qemu::Machine;
use crate::qemu_package::Qemu;
use crate::vm::Vm;
use crate::{paths, shell};
use anyhow::{Context, Error, Result, anyhow, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const SCENARIO: &str = "bench";
const PLAN_FILE: &str = "plan.json";
const RUNS: &str = "jsonl";
/// Why a scheduler fell out with a seed: as good a result as a number, and as lasting.
const FELL_OUT: &str = "fell-out";
/// [`Arm::key`] of a scheduler's runs.
const KEY: &str = "key";
/// Guest time around the cells: attaching under emulation, starting threads, draining them.
const SLACK_S: u64 = 300;
/// Raw frames are many; those of one seed are enough to look at.
const SEED_WITH_FRAMES: u64 = 1;
const BAR_WIDTH: usize = 24;

pub struct Rig<'a> {
    pub qemu: &'a Qemu,
    pub kernel: &'a Kernel,
    pub artifacts: &'a Artifacts,
}

/// A scheduler that gave no numbers: a result as well.
pub struct Failure {
    pub arm: String,
    /// None: it never got as far as a boot.
    pub seed: Option<u64>,
    pub reason: String,
}

/// What a run came to; the numbers are in the directory.
pub struct Ran {
    pub failures: Vec<Failure>,
    /// Why boots did not happen or were not written down, which says nothing of a scheduler; --resume makes them.
    pub broken: Vec<Error>,
}

pub struct Boots<'a> {
    plan: &'a Plan,
    dir: &'a Path,
    /// Seed by seed, all schedulers in turn, so that a run cut short is still paired.
    left: Vec<(&'a Arm, u64)>,
    failures: Vec<Failure>,
}

pub fn file(dir: &Path, arm: &str, seed: u64) -> PathBuf {
    dir.join(format!("{arm}-{seed}.{RUNS}"))
}

impl<'a> Boots<'a> {
    /// Makes the directory of results: afresh, or with what is there of the same plan.
    pub fn prepare(
        plan: &'a Plan,
        dir: &'a Path,
        artifacts: &Artifacts,
        resume: bool,
    ) -> Result<Boots<'a>> {
        std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
        let record = dir.join(PLAN_FILE);
        if resume && record.exists() {
            let text = std::fs::read_to_string(&record)?;
            let before: Settings = serde_json::from_str(&text).context(PLAN_FILE)?;
            if before != plan.settings {
                bail!(
                    "{} is of another plan: {text}; run without --resume",
                    dir.display()
                );
            }
        } else {
            remove_runs(dir, "")?;
            for arm in &plan.arms {
                // Of other runs than those that are made now.
                let _ = std::fs::remove_file(stamp(dir, &arm.name));
            }
            std::fs::write(&record, serde_json::to_string_pretty(&plan.settings)?)?;
        }
        let mut boots = Boots {
            plan,
            dir,
            left: Vec::new(),
            failures: Vec::new(),
        };
        for arm in &plan.arms {
            match &arm.program {
                Ok(_) => keep_key(dir, arm, artifacts)?,
                Err(reason) => boots.fails(arm, None, reason.clone()),
            }
        }
        for seed in 1..=plan.seeds {
            for arm in plan.arms.iter().filter(|arm| arm.program.is_ok()) {
                let runs = file(dir, &arm.name, seed);
                match std::fs::read_to_string(runs.with_extension(FELL_OUT)) {
                    Ok(reason) => boots.fails(arm, Some(seed), reason),
                    Err(_) if runs.exists() => {}
                    Err(_) => boots.left.push((arm, seed)),
                }
            }
        }
        Ok(boots)
    }

    fn fails(&mut self, arm: &Arm, seed: Option<u64>, reason: String) {
        let arm = arm.name.clone();
        self.failures.push(Failure { arm, seed, reason });
    }

    /// What earlier boots have left. One that is missing is one that broke.
    pub fn ran(self) -> Ran {
        let missing = self.left.iter().map(|(arm, seed)| {
            let what = format!("{}, seed {seed}: not run", arm.name);
            shell::infrastructure::<()>(Err(anyhow!(what)))
        });
        Ran {
            broken: missing.filter_map(Result::err).collect(),
            failures: self.failures,
        }
    }

    /// Runs what is left.
    pub fn run(self, rig: &Rig, vms: Option<usize>) -> Ran {
        let workers = pool::workers(vms);
        let progress = Progress::new(self.left.len());
        shell::step(&format!(
            "{} boots of {} with {} CPUs, {workers} at a time, {} guest seconds each",
            self.left.len(),
            rig.kernel.name,
            self.plan.settings.smp,
            self.plan.guest_seconds()
        ));
        let (plan, dir) = (self.plan, self.dir);
        let ran = Mutex::new(Ran {
            failures: self.failures,
            broken: Vec::new(),
        });
        pool::run(self.left, workers, |(arm, seed)| {
            let outcome = boot(plan, dir, rig, arm, seed);
            progress.done(&arm.name, seed, &outcome);
            lock(&ran).add(&arm.name, seed, outcome);
        });
        ran.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ran {
    fn add(&mut self, arm: &str, seed: u64, outcome: Result<Result<(), String>>) {
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => self.failures.push(Failure {
                arm: arm.to_string(),
                seed: Some(seed),
                reason,
            }),
            Err(e) => self.broken.push(e.context(format!("{arm}, seed {seed}"))),
        }
    }
}

/// When the runs of this scheduler were begun, and of which commit.
pub fn stamp(dir: &Path, arm: &str) -> PathBuf {
    dir.join(format!("{arm}.measured"))
}

/// `2026-11-28 of 67a1e31`; without git, the day alone.
fn now() -> String {
    let said = |program: &str, args: &[&str]| {
        let text = shell::output(Command::new(program).args(args).current_dir(paths::root()));
        text.ok().map(|text| text.trim().to_string())
    };
    let revision = said(
        "git",
        &["describe", "--always", "--exclude=*", "--dirty=, changed"],
    );
    let day = said("date", &["-u", "+%F"]);
    let parts: Vec<String> = [day, revision].into_iter().flatten().collect();
    parts.join(" of ")
}

/// Those of every scheduler, or of the one with this prefix; how many it were.
fn remove_runs(dir: &Path, prefix: &str) -> Result<usize> {
    let mut removed = 0;
    for entry in std::fs::read_dir(dir)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(prefix).and_then(|r| r.rsplit_once('.'));
        let is_run = |(seed, kind): (&str, &str)| {
            let ours = prefix.is_empty() || seed.parse::<u64>().is_ok();
            ours && [RUNS, FELL_OUT].contains(&kind)
        };
        if rest.is_some_and(is_run) {
            std::fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Figures of two builds must not be mixed: what is there of another one goes.
fn keep_key(dir: &Path, arm: &Arm, artifacts: &Artifacts) -> Result<()> {
    let (record, key) = (dir.join(format!("{}.{KEY}", arm.name)), arm.key(artifacts)?);
    let stamp = stamp(dir, &arm.name);
    if stamp.exists() && std::fs::read_to_string(&record).is_ok_and(|before| before == key) {
        return Ok(());
    }
    std::fs::write(&stamp, now()).with_context(|| stamp.display().to_string())?;
    let removed = remove_runs(dir, &format!("{}-", arm.name))?;
    if removed > 0 {
        shell::step(&format!(
            "{} was built anew: its {removed} runs are made again",
            arm.name
        ));
    }
    std::fs::write(&record, key).with_context(|| record.display().to_string())
}

/// What goes into the guest: it knows one place for the scheduler under test, and a peer stands in it.
pub fn arm_artifacts(artifacts: &Artifacts, arm: &Arm) -> Result<Artifacts> {
    Ok(Artifacts {
        scx_photon: arm.program.clone().map_err(anyhow::Error::msg)?,
        sabotage: artifacts.sabotage.clone().filter(|_| arm.needs_twin()),
        bench: artifacts.bench.clone(),
        guest: artifacts.guest.clone(),
    })
}

/// As [`measure`], with the numbers, or why there are none, written down.
fn boot(plan: &Plan, dir: &Path, rig: &Rig, arm: &Arm, seed: u64) -> Result<Result<(), String>> {
    let file = file(dir, &arm.name, seed);
    // Another run of the same plan may have been faster.
    if file.exists() {
        return Ok(Ok(()));
    }
    match measure(plan, rig, arm, seed, seed == SEED_WITH_FRAMES)? {
        Ok(cells) => {
            let lines: Vec<String> = cells.iter().map(Value::to_string).collect();
            store(&file, &(lines.join("\n") + "\n"))?;
            Ok(Ok(()))
        }
        Err(reason) => {
            store(&file.with_extension(FELL_OUT), &reason)?;
            Ok(Err(reason))
        }
    }
}

/// Boots one scheduler with one seed; the reports of its cells, with each frame if asked for, or why the guest says
/// that there are none. An error is the ground's, not the scheduler's.
pub fn measure(
    plan: &Plan,
    rig: &Rig,
    arm: &Arm,
    seed: u64,
    with_frames: bool,
) -> Result<Result<Vec<Value>, String>> {
    let artifacts = arm_artifacts(rig.artifacts, arm)?;
    let settings = &plan.settings;
    let machine = Machine::virtual_time(&settings.smp);
    let name = format!("bench-{}-{seed}", arm.name);
    let mut vm = Vm::new(&name, rig.qemu, rig.kernel, &artifacts, machine);
    let mut common: Vec<String> = [
        ("--cells", settings.cells.join(",")),
        ("--seed", seed.to_string()),
        ("--ms", settings.ms.to_string()),
        ("--settle-ms", settings.settle_ms.to_string()),
    ]
    .into_iter()
    .flat_map(|(option, value)| [option.to_string(), value])
    .collect();
    common.extend(arm.seed_arguments(seed));
    if with_frames {
        common.push("--frames".to_string());
    }
    let limit_s = SLACK_S + 2 * plan.guest_seconds();
    vm.jobs = vec![Job::new(SCENARIO, arm.arguments(&common), limit_s)];
    let reports = vm.run(&mut |_| {})?;
    let (_, report) = reports
        .into_iter()
        .next()
        .context("the guest reported nothing")?;
    if report.status != Status::Pass {
        return Ok(Err(report.reason));
    }
    let cells = report.metrics["cells"]
        .as_array()
        .context("a report without cells")?;
    if cells.len() != settings.cells.len() {
        bail!(
            "{} cells of {} were measured",
            cells.len(),
            settings.cells.len()
        );
    }
    Ok(Ok(cells.clone()))
}

/// Whole or not at all: what is there counts as done.
fn store(file: &Path, text: &str) -> Result<()> {
    let part = file.with_extension("part");
    std::fs::write(&part, text).with_context(|| part.display().to_string())?;
    std::fs::rename(&part, file).with_context(|| file.display().to_string())
}

/// One line a boot, with the time left by the boots so far.
struct Progress {
    all: usize,
    begin: Instant,
    done: Mutex<usize>,
}

impl Progress {
    fn new(all: usize) -> Self {
        Progress {
            all,
            begin: Instant::now(),
            done: Mutex::new(0),
        }
    }

    fn done(&self, arm: &str, seed: u64, outcome: &Result<Result<(), String>>) {
        let mut done = lock(&self.done);
        *done += 1;
        let outcome = match outcome {
            Ok(Ok(())) => "done".to_string(),
            Ok(Err(reason)) => format!("NO RESULT: {reason}"),
            Err(e) => format!("NOT RUN: {e:#}"),
        };
        let left = time_left(self.begin.elapsed(), *done, self.all);
        shell::step(&format!(
            "{} {}/{} {arm}, seed {seed}: {outcome}; {left}",
            bar(*done, self.all),
            *done,
            self.all
        ));
    }
}

fn bar(done: usize, all: usize) -> String {
    let filled = BAR_WIDTH * done / all.max(1);
    format!("[{}{}]", "#".repeat(filled), ".".repeat(BAR_WIDTH - filled))
}

fn time_left(elapsed: Duration, done: usize, all: usize) -> String {
    let each = elapsed.as_secs_f64() / done.max(1) as f64;
    let seconds = (each * (all - done) as f64).round() as u64;
    match seconds {
        0..120 => format!("{seconds} s left"),
        120..7200 => format!("{} min left", seconds / 60),
        _ => format!("{:.1} h left", seconds as f64 / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_does_not_boot_is_no_schedulers_failure() {
        let mut ran = Ran {
            failures: Vec::new(),
            broken: Vec::new(),
        };
        ran.add("cake", 1, Ok(Ok(())));
        ran.add("cake", 2, Ok(Err("ejected".to_string())));
        ran.add("cake", 3, shell::infrastructure(Err(Error::msg("no boot"))));
        assert_eq!((ran.failures.len(), ran.broken.len()), (1, 1));
        assert_eq!(ran.failures[0].seed, Some(2));
        let error = &ran.broken[0];
        assert!(shell::is_infrastructure(error));
        assert_eq!(
            format!("{error:#}"),
            "cake, seed 3: infrastructure: no boot"
        );
    }

    #[test]
    fn time_left_follows_the_boots_so_far() {
        let left = |elapsed, done, all| time_left(Duration::from_secs(elapsed), done, all);
        assert_eq!(left(40, 2, 6), "80 s left");
        assert_eq!(left(600, 1, 6), "50 min left");
        assert_eq!(left(600, 1, 61), "10.0 h left");
        assert_eq!(left(5, 6, 6), "0 s left");
        assert_eq!(bar(2, 6), "[########................]");
        assert_eq!(bar(6, 6).matches('#').count(), BAR_WIDTH);
    }
}
