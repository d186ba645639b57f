// SPDX-License-Identifier: GPL-2.0-only
//! The numbers of a run: every scheduler's cells, compared with EEVDF's over the seeds both have.

use super::arms::{BASELINE, OWN};
use super::boots::{self, Failure};
use super::plan::{Plan, Settings};
use anyhow::{Context, Result};
use photon_bench::aggregate::{self, CellKey, Cells, Comparison};
use photon_bench::mangohud;
use photon_bench::metrics::definitions::find;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What tables and bars show, with the digits of each.
pub const SHOWN: &[(&str, usize)] = &[
    ("frame_p50_ms", 2),
    ("frame_p99_ms", 2),
    ("frames_late", 1),
    ("input_wake_p999_us", 0),
    ("audio_xruns", 1),
    ("background_cpu_s", 2),
    ("background_longest_wait_ms", 1),
];
const US_PER_MS: f64 = 1000.0;
const NS_PER_MS: f64 = 1e6;

/// The frames due in one run, milliseconds; none was not submitted, or not presented.
pub struct Trace {
    pub times: Vec<Option<f64>>,
    /// Time above what the same draws take on a machine with a CPU for every thread.
    pub excess: Vec<Option<f64>>,
    pub presents: Vec<Option<f64>>,
}

/// One scheduler.
pub struct Outcome {
    pub name: String,
    pub about: String,
    /// When, and of which commit; empty where that was not written down.
    pub measured: String,
    pub side: Option<Cells>,
    /// Against the baseline; the baseline against itself gives its own means.
    pub comparisons: Vec<Comparison>,
    /// Frames of the first seed by cell; of what was published in no order, and without presents.
    pub frames: BTreeMap<CellKey, Trace>,
    pub failures: Vec<Failure>,
}

pub struct Results {
    pub settings: Settings,
    pub seeds: u64,
    pub outcomes: Vec<Outcome>,
}

impl Results {
    pub fn collect(plan: &Plan, dir: &Path, failures: Vec<Failure>) -> Result<Results> {
        let mut by_arm = BTreeMap::<String, Vec<Failure>>::new();
        for failure in failures {
            by_arm.entry(failure.arm.clone()).or_default().push(failure);
        }
        let mut outcomes = Vec::new();
        for arm in &plan.arms {
            let lines = lines(plan, dir, &arm.name)?;
            outcomes.push(Outcome {
                name: arm.name.clone(),
                about: arm.about(),
                measured: std::fs::read_to_string(boots::stamp(dir, &arm.name)).unwrap_or_default(),
                side: side(dir, &arm.name, &lines)?,
                comparisons: Vec::new(),
                frames: frames(&lines),
                failures: by_arm.remove(&arm.name).unwrap_or_default(),
            });
        }
        Ok(Results::compared(
            plan.settings.clone(),
            plan.seeds,
            outcomes,
        ))
    }

    /// With every scheduler compared with the baseline.
    pub fn compared(settings: Settings, seeds: u64, mut outcomes: Vec<Outcome>) -> Results {
        let baseline = outcomes
            .iter()
            .find(|o| o.name == BASELINE)
            .and_then(|o| o.side.clone());
        let keys: Vec<&str> = SHOWN.iter().map(|(key, _)| *key).collect();
        if let Some(baseline) = baseline {
            for outcome in &mut outcomes {
                if let Some(side) = &outcome.side {
                    outcome.comparisons = aggregate::compare(&baseline, side, &keys);
                }
            }
        }
        Results {
            settings,
            seeds,
            outcomes,
        }
    }

    /// Every cell that was measured.
    pub fn cells(&self) -> Vec<&CellKey> {
        let keys = self
            .outcomes
            .iter()
            .filter_map(|o| o.side.as_ref())
            .flat_map(BTreeMap::keys);
        let mut cells: Vec<&CellKey> = keys.collect();
        cells.sort();
        cells.dedup();
        cells
    }

    /// Peers may fall out; the baseline and our own scheduler may not.
    pub fn own_failure(&self) -> Option<String> {
        let own = self
            .outcomes
            .iter()
            .filter(|o| [BASELINE, OWN].contains(&o.name.as_str()));
        let failure = own.flat_map(|o| &o.failures).next()?;
        Some(format!(
            "{} gave no result: {}",
            failure.arm, failure.reason
        ))
    }

    pub fn summary(&self) -> Value {
        let schedulers: Vec<Value> = self.outcomes.iter().map(scheduler_json).collect();
        let cells: Vec<Value> = self.outcomes.iter().flat_map(comparisons_json).collect();
        json!({"settings": self.settings, "seeds": self.seeds, "baseline": BASELINE,
               "schedulers": schedulers, "cells": cells})
    }

    /// Every metric of every run, one a line.
    pub fn csv(&self) -> String {
        let mut text = "scheduler,profile,background,cpus,seed,metric,unit,value\n".to_string();
        for outcome in &self.outcomes {
            for (key, seeds) in outcome.side.iter().flatten() {
                let background = key.beside();
                for (seed, metrics) in seeds {
                    for (metric, value) in metrics {
                        let unit = find(metric).map_or("", |m| m.unit);
                        let (name, profile, cpus) = (&outcome.name, &key.profile, key.cpus);
                        text += &format!(
                            "{name},{profile},{background},{cpus},{seed},{metric},{unit},{value}\n"
                        );
                    }
                }
            }
        }
        text
    }
}

impl Results {
    /// The runs with frames as MangoHud logs: file name and text.
    pub fn mangohud(&self) -> Vec<(String, String)> {
        let mut logs = Vec::new();
        for outcome in &self.outcomes {
            for (cell, trace) in &outcome.frames {
                let name = format!("{}-{}.csv", outcome.name, cell.stem());
                let presents: Vec<u64> = trace
                    .presents
                    .iter()
                    .flatten()
                    .map(|ms| (ms * NS_PER_MS) as u64)
                    .collect();
                let kernel = &self.settings.kernel;
                logs.push((
                    name,
                    mangohud::csv_of_presents(&presents, kernel, &outcome.name),
                ));
            }
        }
        logs
    }
}

impl Outcome {
    /// Seeds that gave numbers for this cell.
    pub fn seeds(&self, cell: &CellKey) -> u64 {
        let seeds = self.side.as_ref().and_then(|side| side.get(cell));
        seeds.map_or(0, |seeds| seeds.len() as u64)
    }

    pub fn comparison(&self, cell: &CellKey, metric: &str) -> Option<&Comparison> {
        self.comparisons
            .iter()
            .find(|c| c.key == *cell && c.metric.key == metric)
    }
}

fn scheduler_json(outcome: &Outcome) -> Value {
    let failures: Vec<Value> = outcome
        .failures
        .iter()
        .map(|f| json!({"seed": f.seed, "reason": f.reason}))
        .collect();
    json!({"name": outcome.name, "about": outcome.about, "no_result": failures})
}

fn comparisons_json(outcome: &Outcome) -> Vec<Value> {
    let one = |c: &Comparison| {
        json!({"scheduler": outcome.name, "profile": c.key.profile, "background": c.key.background,
               "cpus": c.key.cpus, "metric": c.metric.key, "unit": c.metric.unit,
               "mean": c.mean_b, "baseline_mean": c.mean_a, "difference": c.difference,
               "ratio": c.ratio, "finding": c.finding})
    };
    outcome.comparisons.iter().map(one).collect()
}

/// The reports of all seeds of one scheduler, seed by seed.
fn lines(plan: &Plan, dir: &Path, arm: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for seed in 1..=plan.seeds {
        let file = boots::file(dir, arm, seed);
        if file.exists() {
            let text =
                std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            lines.extend(text.lines().map(str::to_string));
        }
    }
    Ok(lines)
}

/// Through one file for all seeds, which is also what `photon-bench compare` takes.
fn side(dir: &Path, arm: &str, lines: &[String]) -> Result<Option<Cells>> {
    if lines.is_empty() {
        return Ok(None);
    }
    let file = dir.join(format!("{arm}.all"));
    std::fs::write(&file, lines.join("\n") + "\n").with_context(|| file.display().to_string())?;
    aggregate::load(&file).map(Some)
}

fn frames(lines: &[String]) -> BTreeMap<CellKey, Trace> {
    let of_cell = |line: &String| {
        let report: Value = serde_json::from_str(line).ok()?;
        Some((CellKey::of(line).ok()?, trace(&report["frames"])?))
    };
    lines.iter().filter_map(of_cell).collect()
}

/// Vsync to submit, as the metrics have it.
fn trace(frames: &Value) -> Option<Trace> {
    let column = |name: &str| frames[name].as_array();
    let [vsync, submit, ideal, present] =
        ["vsync_us", "submit_us", "ideal_us", "present_us"].map(column);
    let ms = |value: &Value| value.as_f64().map(|us| us / US_PER_MS);
    let times: Vec<Option<f64>> = vsync?
        .iter()
        .zip(submit?)
        .map(|(vsync, submit)| Some(ms(submit)? - ms(vsync)?))
        .collect();
    let above = |(time, ideal): (&Option<f64>, &Value)| Some((*time)? - ms(ideal)?);
    Some(Trace {
        excess: times.iter().zip(ideal?).map(above).collect(),
        presents: present?.iter().map(ms).collect(),
        times,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_times_keep_dropped_frames() {
        let frames = json!({"vsync_us": [0, 16000, 33000], "submit_us": [9000, null, 43500],
                            "ideal_us": [8000, 8000, 9500], "present_us": [15000, null, null]});
        let trace = trace(&frames).unwrap();
        assert_eq!(trace.times, [Some(9.0), None, Some(10.5)]);
        assert_eq!(trace.excess, [Some(1.0), None, Some(1.0)]);
        assert_eq!(trace.presents, [Some(15.0), None, None]);
        assert!(super::trace(&Value::Null).is_none());
    }

    #[test]
    fn what_is_shown_exists() {
        assert!(SHOWN.iter().all(|(key, _)| find(key).is_some()));
    }
}
