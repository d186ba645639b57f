// SPDX-License-Identifier: GPL-2.0-only
//! What a run leaves in the repository: its settings, every metric of every run and the frames of the first seed, in
//! `docs/bench/`. From them the tables and pictures are made, so that anybody can make them again.

use super::boots::Failure;
use super::page;
use super::plan::Settings;
use super::results::{Outcome, Results};
use super::{proof, table, traces};
use crate::{paths, shell};
use anyhow::{Context, Result};
use photon_bench::aggregate::{CellKey, Cells};
use photon_bench::metrics::definitions::METRICS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

const DIR: &str = "docs/bench";
const SETUP: &str = "setup.json";
const RUNS: &str = "runs.csv";
const FRAMES: &str = "frames.csv";
const TABLE: &str = "table.txt";
/// Columns before the metrics.
const KEYS: [&str; 5] = ["scheduler", "profile", "background", "cpus", "seed"];
/// Of the figures: microseconds where the unit is a millisecond.
const DIGITS: usize = 3;
/// Of the plots a cell has; the others say in bars what the tables say.
const PICTURES: &[&str] = &["frames", "excess"];

/// All but the numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Setup {
    command: String,
    settings: Settings,
    seeds: u64,
    schedulers: Vec<Scheduler>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Scheduler {
    name: String,
    about: String,
    #[serde(default)]
    measured: String,
    no_result: Vec<NoResult>,
}

#[derive(Debug, Serialize, Deserialize)]
struct NoResult {
    seed: Option<u64>,
    reason: String,
}

fn dir() -> PathBuf {
    paths::root().join(DIR)
}

/// Writes everything, the README's part included. What is there of schedulers that this run has left out stays, if it
/// is of the same plan.
pub fn publish(results: Results, command: &str) -> Result<()> {
    // What cannot be read is not thrown away for it.
    let before = dir().exists().then(load).transpose()?;
    let (results, command) = match before {
        Some((before, command)) if is_same_plan(&before, &results) => {
            let command = with_all(&command, &before, &results);
            (joined(before, results), command)
        }
        _ => (results, command.to_string()),
    };
    let (results, command) = (&results, command.as_str());
    let dir = dir();
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    let setup = serde_json::to_string_pretty(&setup(results, command))? + "\n";
    std::fs::write(dir.join(SETUP), setup)?;
    std::fs::write(dir.join(RUNS), csv(results))?;
    std::fs::write(dir.join(FRAMES), traces::csv(results))?;
    // Of what was written, which is rounded.
    derive()?;
    shell::step(&format!("wrote {DIR} and the table of the README"));
    Ok(())
}

fn is_same_plan(a: &Results, b: &Results) -> bool {
    a.settings == b.settings && a.seeds == b.seeds
}

/// The command that measures all of them: the list of schedulers is its end.
fn with_all(command: &str, before: &Results, after: &Results) -> String {
    let known = |name: &str| before.outcomes.iter().any(|old| old.name == name);
    let new = after.outcomes.iter().map(|o| o.name.as_str());
    let new = new
        .filter(|name| !known(name))
        .map(|name| format!(",{name}"));
    [command.to_string()].into_iter().chain(new).collect()
}

/// In the order of before; those of both are the later ones.
fn joined(before: Results, mut after: Results) -> Results {
    let mut outcomes = Vec::new();
    for old in before.outcomes {
        let again = after.outcomes.iter().position(|new| new.name == old.name);
        outcomes.push(again.map_or(old, |at| after.outcomes.remove(at)));
    }
    outcomes.append(&mut after.outcomes);
    Results::compared(after.settings, after.seeds, outcomes)
}

/// Tables and pictures once more, from the data that is there.
pub fn derive() -> Result<()> {
    let (results, command) = load()?;
    std::fs::write(dir().join(TABLE), plain(&results, &command))?;
    for (name, text) in pictures(&results) {
        std::fs::write(dir().join(name), text)?;
    }
    proof::write(&results, &command)
}

fn pictures(results: &Results) -> impl Iterator<Item = (String, String)> {
    let is_kept = |name: &str| {
        let mut kinds = PICTURES.iter();
        kinds.any(|kind| name.ends_with(&format!("-{kind}.svg")))
    };
    let all = page::pictures(results).into_iter();
    all.filter(move |(name, _)| is_kept(name))
}

fn plain(results: &Results, command: &str) -> String {
    format!("{command}\n\n{}", table::render(results))
}

fn setup(results: &Results, command: &str) -> Setup {
    let root = paths::root().display().to_string();
    let failure = |f: &Failure| NoResult {
        seed: f.seed,
        reason: f.reason.replace(&root, "."),
    };
    let scheduler = |o: &Outcome| Scheduler {
        name: o.name.clone(),
        about: o.about.clone(),
        measured: o.measured.clone(),
        no_result: o.failures.iter().map(failure).collect(),
    };
    Setup {
        command: command.to_string(),
        settings: results.settings.clone(),
        seeds: results.seeds,
        schedulers: results.outcomes.iter().map(scheduler).collect(),
    }
}

/// A run a line; what a run does not have is empty.
fn csv(results: &Results) -> String {
    let metrics: Vec<&str> = METRICS.iter().map(|m| m.key).collect();
    let mut text = [&KEYS[..], &metrics[..]].concat().join(",") + "\n";
    for outcome in &results.outcomes {
        for (key, seeds) in outcome.side.iter().flatten() {
            for (seed, values) in seeds {
                let mut fields = vec![
                    outcome.name.clone(),
                    key.profile.clone(),
                    key.beside(),
                    key.cpus.to_string(),
                    seed.to_string(),
                ];
                fields.extend(
                    metrics
                        .iter()
                        .map(|m| values.get(*m).map_or_else(String::new, rounded)),
                );
                text += &(fields.join(",") + "\n");
            }
        }
    }
    text
}

fn rounded(value: &f64) -> String {
    let text = format!("{value:.DIGITS$}");
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" | "" => "0".to_string(),
        short => short.to_string(),
    }
}

/// What was published, and the command that made it.
pub fn load() -> Result<(Results, String)> {
    let read = |name: &str| {
        let file = dir().join(name);
        std::fs::read_to_string(&file).with_context(|| file.display().to_string())
    };
    let setup: Setup = serde_json::from_str(&read(SETUP)?).context(SETUP)?;
    let mut sides = sides(&read(RUNS)?).context(RUNS)?;
    let mut frames = traces::parse(&read(FRAMES)?).context(FRAMES)?;
    let outcome = |scheduler: Scheduler| {
        let failure = |f: NoResult| Failure {
            arm: scheduler.name.clone(),
            seed: f.seed,
            reason: f.reason,
        };
        Outcome {
            side: sides.remove(&scheduler.name),
            failures: scheduler.no_result.into_iter().map(failure).collect(),
            name: scheduler.name.clone(),
            about: scheduler.about,
            measured: scheduler.measured,
            comparisons: Vec::new(),
            frames: frames.remove(&scheduler.name).unwrap_or_default(),
        }
    };
    let outcomes = setup.schedulers.into_iter().map(outcome).collect();
    let results = Results::compared(setup.settings, setup.seeds, outcomes);
    Ok((results, setup.command))
}

/// Of the columns that name a cell.
pub fn cell_key(profile: &str, background: &str, cpus: &str) -> Result<CellKey> {
    let (background, variant) = background.split_once('@').unwrap_or((background, ""));
    Ok(CellKey {
        profile: profile.to_string(),
        background: background.replace('+', ","),
        variant: variant.to_string(),
        cpus: cpus.parse()?,
    })
}

fn sides(text: &str) -> Result<BTreeMap<String, Cells>> {
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().context("empty")?.split(',').collect();
    let mut sides = BTreeMap::<String, Cells>::new();
    for (line, number) in lines.zip(2..) {
        let fields: Vec<&str> = line.split(',').collect();
        let [scheduler, profile, background, cpus, seed, values @ ..] = fields.as_slice() else {
            anyhow::bail!("line {number}: too short");
        };
        let key = cell_key(profile, background, cpus).with_context(|| format!("line {number}"))?;
        let seed = seed.parse().with_context(|| format!("line {number}"))?;
        let known = head.iter().skip(KEYS.len()).zip(values);
        let metrics = known
            .filter(|(_, value)| !value.is_empty())
            .map(|(metric, value)| Ok((metric.to_string(), value.parse()?)));
        let metrics: Result<BTreeMap<String, f64>> = metrics.collect();
        let metrics = metrics.with_context(|| format!("line {number}"))?;
        let seeds = sides.entry(scheduler.to_string()).or_default();
        seeds.entry(key).or_default().insert(seed, metrics);
    }
    Ok(sides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::controls::tests::{outcome, results};
    use crate::bench::traces::tests::trace;

    /// Nobody edits a figure by hand.
    #[test]
    fn tables_and_pictures_are_those_of_the_data() {
        let (results, command) = load().unwrap();
        let written = std::fs::read_to_string(dir().join(TABLE)).unwrap();
        let runs = std::fs::read_to_string(dir().join(RUNS)).unwrap();
        // Too long to be printed.
        assert!(written == plain(&results, &command), "{TABLE}");
        proof::check(&results, &command).unwrap();
        assert!(csv(&results) == runs, "{RUNS}");
        let frames = std::fs::read_to_string(dir().join(FRAMES)).unwrap();
        assert!(traces::csv(&results) == frames, "{FRAMES}");
        for (name, text) in pictures(&results) {
            let written = std::fs::read_to_string(dir().join(&name)).expect(&name);
            assert!(written == text, "{name}");
        }
    }

    #[test]
    fn what_a_run_left_out_stays() {
        let day = |name: &str, day: &str| Outcome {
            measured: day.into(),
            ..outcome(name, 1.0, 0.1)
        };
        let before = results(
            3,
            vec![day("eevdf", "a"), day("photon", "a"), day("cake", "a")],
        );
        let after = results(3, vec![day("photon", "b"), day("flash", "b")]);
        assert_eq!(
            with_all("--schedulers cake", &before, &after),
            "--schedulers cake,flash"
        );
        let joined = joined(before, after);
        let now: Vec<_> = joined
            .outcomes
            .iter()
            .map(|o| (&*o.name, &*o.measured))
            .collect();
        assert_eq!(
            now,
            [
                ("eevdf", "a"),
                ("photon", "b"),
                ("cake", "a"),
                ("flash", "b")
            ]
        );
        assert!(!is_same_plan(&joined, &results(4, Vec::new())));
    }

    #[test]
    fn pictures_keep_the_schedulers_that_a_run_left_out() {
        let with_frames = |name: &str| {
            let mut outcome = outcome(name, 1.0, 0.1);
            let cells = outcome.side.iter().flatten().map(|(cell, _)| cell.clone());
            let cells: Vec<CellKey> = cells.collect();
            let frames = cells.into_iter().map(|cell| (cell, trace(&[Some(12.0)])));
            outcome.frames = frames.collect();
            outcome
        };
        let all = results(3, ["eevdf", "photon", "cake"].map(with_frames).into());
        let mut kept = traces::parse(&traces::csv(&all)).unwrap();
        let before = |name: &str| Outcome {
            frames: kept.remove(name).unwrap(),
            ..outcome(name, 1.0, 0.1)
        };
        let before = results(3, ["eevdf", "photon", "cake"].map(before).into());
        let now = results(3, ["eevdf", "photon"].map(with_frames).into());
        let drawn: Vec<String> = pictures(&joined(before, now)).map(|(_, svg)| svg).collect();
        assert_eq!(drawn.len(), PICTURES.len());
        assert!(drawn.iter().all(|svg| svg.contains(">cake<")));
        assert!(!drawn.iter().any(|svg| svg.contains("of 3 schedulers")));
        // Nobody has published its frames, and the picture says so.
        let mut lacking = results(3, ["eevdf", "photon"].map(with_frames).into());
        lacking.outcomes.push(outcome("cake", 1.0, 0.1));
        let mut drawn = pictures(&lacking);
        assert!(drawn.any(|(_, svg)| svg.contains("seed 1, 2 of 3 schedulers")));
    }

    #[test]
    fn figures_are_short_and_exact() {
        for (value, text) in [
            (12.0, "12"),
            (0.0, "0"),
            (-0.0001, "0"),
            (1.2345, "1.234"),
            (100.0, "100"),
        ] {
            assert_eq!(rounded(&value), text);
        }
        let wrong = "scheduler,profile,background,cpus,seed,a\neevdf,60v,none,4,x,1\n";
        assert!(format!("{:#}", sides(wrong).unwrap_err()).contains("line 2"));
    }
}
