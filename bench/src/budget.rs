// SPDX-License-Identifier: GPL-2.0-only
//! What scx_photon's callbacks may cost: figures of an accepted build, and how far a later one may be above them.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A build may cost this much of its budget.
pub const TOLERANCE: f64 = 1.05;
/// A single program's mean differs more, by up to 11 %: other paths are taken, and now and then another
/// virtual CPU's turn falls into a run.
pub const PROGRAM_TOLERANCE: f64 = 1.25;
/// And one of few instructions by more than that: where a program begins at the same place of a virtual CPU's turn each
/// time, as that of a mouse's timer does, turns of thousands of instructions fall into it or not. One build's
/// `on_input_event` took 90 in one boot and 295 in another. A callback of few is also watched by the sum.
pub const PROGRAM_SLACK: f64 = 400.0;
/// A program that runs less often than this in the measured time has no budget of its own: one odd run would be
/// percents of its mean.
pub const MIN_RUNS: u64 = 2_000;
const SHIPPED: &str = include_str!("../budget.toml");

/// One BPF program over the measured time.
#[derive(Clone, Debug, Deserialize)]
pub struct Program {
    pub name: String,
    pub runs: u64,
    /// Of all runs, without what an empty program costs.
    pub instructions: u64,
    /// What the verifier went through.
    pub verified: u64,
}

impl Program {
    pub fn per_run(&self) -> f64 {
        self.instructions as f64 / self.runs.max(1) as f64
    }
}

/// What the guest reports of one scheduler.
#[derive(Clone, Debug, Deserialize)]
pub struct Measured {
    /// Instructions counted for an empty program, taken off every run.
    pub baseline: u64,
    /// Times a task was put on a CPU.
    pub put_on_cpu: u64,
    pub callbacks: Vec<Program>,
    pub probes: Vec<Program>,
}

impl Measured {
    pub fn per_schedule(&self) -> f64 {
        let all: u64 = self.callbacks.iter().map(|p| p.instructions).sum();
        all as f64 / self.put_on_cpu.max(1) as f64
    }
}

/// For one kernel series: kernel functions differ, and so do the programs that call them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// Instructions of all callbacks for each time a task is put on a CPU.
    pub per_schedule: f64,
    /// Instructions of a run, by program.
    pub per_run: BTreeMap<String, f64>,
}

fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

impl Costs {
    /// Of several measurements; of a program, of those in which it ran often.
    pub fn mean(all: &[Costs]) -> Costs {
        let mut by_name = BTreeMap::<&String, Vec<f64>>::new();
        for (name, cost) in all.iter().flat_map(|c| &c.per_run) {
            by_name.entry(name).or_default().push(*cost);
        }
        let mean = |values: &[f64]| round(crate::quantile::mean(values).unwrap_or_default());
        let sums: Vec<f64> = all.iter().map(|c| c.per_schedule).collect();
        Costs {
            per_schedule: mean(&sums),
            per_run: by_name
                .into_iter()
                .map(|(name, v)| (name.clone(), mean(&v)))
                .collect(),
        }
    }

    pub fn of(measured: &Measured) -> Costs {
        let programs = measured.callbacks.iter().chain(&measured.probes);
        let often = programs.filter(|p| p.runs >= MIN_RUNS);
        Costs {
            per_schedule: round(measured.per_schedule()),
            per_run: often
                .map(|p| (p.name.clone(), round(p.per_run())))
                .collect(),
        }
    }
}

/// Budgets by kernel series.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    pub kernel: BTreeMap<String, Costs>,
}

impl Budget {
    /// `bench/budget.toml` as it was at compile time.
    pub fn shipped() -> Result<Budget> {
        Budget::parse(SHIPPED).context("bench/budget.toml")
    }

    pub fn parse(text: &str) -> Result<Budget> {
        Ok(toml::from_str(text)?)
    }

    /// What costs more than its budget allows, a sentence each. A program without a budget is a change that nobody
    /// has accepted yet.
    pub fn over(&self, series: &str, measured: &Measured) -> Result<Vec<String>> {
        let budget = self
            .kernel
            .get(series)
            .with_context(|| format!("no budget for kernel {series}"))?;
        let now = Costs::of(measured);
        let mut over = Vec::new();
        compare(
            &mut over,
            "all callbacks for each time a task is put on a CPU",
            now.per_schedule,
            budget.per_schedule,
            TOLERANCE,
            0.0,
        );
        for (name, cost) in &now.per_run {
            match budget.per_run.get(name) {
                Some(budget) => {
                    let what = format!("a run of {name}");
                    compare(
                        &mut over,
                        &what,
                        *cost,
                        *budget,
                        PROGRAM_TOLERANCE,
                        PROGRAM_SLACK,
                    );
                }
                None => over.push(format!("{name} has no budget and takes {cost:.0}")),
            }
        }
        Ok(over)
    }
}

fn compare(over: &mut Vec<String>, what: &str, now: f64, budget: f64, tolerance: f64, slack: f64) {
    if now > budget * tolerance + slack {
        let percent = (now / budget - 1.0) * 100.0;
        over.push(format!(
            "{what}: {now:.0} instructions, {percent:+.1} % to the budget of {budget:.0}"
        ));
    }
}

/// The file's text, with its explanation.
pub fn file(budget: &Budget) -> Result<String> {
    let mut text = String::new();
    writeln!(
        text,
        "# What scx_photon's BPF programs cost: guest instructions in the cell of `cargo xtask bench cost`, without those\n\
         # an empty program takes. Over {:.0} % more in all, or {:.0} % and {PROGRAM_SLACK} in one program, fails it. Who means to\n\
         # spend more writes the new figures with `cargo xtask bench cost --update --kernel SERIES` and says in the\n\
         # commit what they buy.\n",
        (TOLERANCE - 1.0) * 100.0,
        (PROGRAM_TOLERANCE - 1.0) * 100.0
    )?;
    text += &toml::to_string(budget)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(scale: f64) -> Measured {
        let program = |name: &str, runs, per_run: f64| Program {
            name: name.to_string(),
            runs,
            instructions: (runs as f64 * per_run * scale) as u64,
            verified: 1,
        };
        Measured {
            baseline: 50,
            put_on_cpu: 10_000,
            callbacks: vec![
                program("enqueue", 10_000, 500.0),
                program("dispatch", 20_000, 250.0),
                program("init", 1, 90_000.0),
            ],
            probes: vec![program("input", 2_000, 100.0)],
        }
    }

    #[test]
    fn the_gate_trips_beyond_five_percent() {
        let mut budget = Budget::default();
        budget
            .kernel
            .insert("7.3".into(), Costs::of(&measured(1.0)));
        let over = |scale| budget.over("7.3", &measured(scale)).unwrap();
        assert_eq!(over(1.0), Vec::<String>::new());
        assert_eq!(over(0.5), Vec::<String>::new());
        assert_eq!(over(1.045), Vec::<String>::new());
        let found = over(1.06);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("+6.0 %"), "{found:?}");
        // The programs are within their slack, and the one that runs once has no budget.
        assert_eq!(over(1.5).len(), 1);
        assert_eq!(over(2.5).len(), 2);
        assert!(budget.over("6.18", &measured(1.0)).is_err());
    }

    #[test]
    fn a_budget_is_a_mean() {
        let both = Costs::mean(&[Costs::of(&measured(1.0)), Costs::of(&measured(2.0))]);
        assert_eq!(
            (both.per_schedule, both.per_run["enqueue"]),
            (1513.5, 750.0)
        );
    }

    #[test]
    fn a_program_nobody_has_budgeted_is_named() {
        let mut budget = Budget::default();
        let mut costs = Costs::of(&measured(1.0));
        costs.per_run.remove("dispatch");
        budget.kernel.insert("7.3".into(), costs);
        let found = budget.over("7.3", &measured(1.0)).unwrap();
        assert!(found[0].contains("dispatch has no budget"), "{found:?}");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut budget = Budget::default();
        budget
            .kernel
            .insert("7.3".into(), Costs::of(&measured(1.0)));
        let text = file(&budget).unwrap();
        let again = Budget::parse(&text).unwrap();
        assert_eq!(again.kernel["7.3"].per_run["enqueue"], 500.0);
        assert_eq!(again.kernel["7.3"].per_schedule, 1009.0);
        assert!(Budget::shipped().is_ok());
    }
}
