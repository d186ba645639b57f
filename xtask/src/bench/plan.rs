// SPDX-License-Identifier: GPL-2.0-only
//! What a run consists of: schedulers, seeds, cells. Two runs of one plan give the same numbers.

use super::Args;
use super::arms::{Arm, BASELINE, CONTROL, OWN, SABOTAGE, all_peers};
use anyhow::{Context, Result, bail};
use photon_bench::background::Background;
use photon_bench::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const QUICK_CELLS: &[&str] = &["60v+none", "60v+hogs", "60v+compile", "60v+shader"];
const FULL_CELLS: &[&str] = &[
    "60v+none",
    "60v+hogs",
    "60v+compile",
    "60v+shader",
    "144+none",
    "144+hogs",
    "144+compile",
    "144+shader",
];
/// Three show a trend; a claim needs five.
const QUICK_SEEDS: u64 = 3;
const FULL_SEEDS: u64 = 5;
const QUICK_MS: u64 = 2_000;
const FULL_MS: u64 = 10_000;
/// Until threads run, queues have filled and the backgrounds have their usual number of jobs.
const QUICK_SETTLE_MS: u64 = 500;
const FULL_SETTLE_MS: u64 = 2_000;

/// What all schedulers of a run have in common. A run can only be resumed with the same; the programs each of them
/// depends on are in the keys of [`Arm::key`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub kernel: String,
    pub smp: String,
    pub cells: Vec<String>,
    pub ms: u64,
    pub settle_ms: u64,
}

pub struct Plan {
    /// Names the directory of results.
    pub name: String,
    pub arms: Vec<Arm>,
    pub seeds: u64,
    pub settings: Settings,
}

impl Plan {
    pub fn new(args: &Args) -> Result<Plan> {
        let pick = |full, quick| if args.full { full } else { quick };
        let defaults = if args.full { FULL_CELLS } else { QUICK_CELLS };
        let cells = match args.cells.is_empty() {
            true => defaults.iter().map(|c| c.to_string()).collect(),
            false => args.cells.clone(),
        };
        check_cells(&cells)?;
        let arms = arms(args)?;
        let settings = Settings {
            kernel: String::new(),
            smp: args.smp.clone(),
            cells,
            ms: args.ms.unwrap_or(pick(FULL_MS, QUICK_MS)),
            settle_ms: args
                .settle_ms
                .unwrap_or(pick(FULL_SETTLE_MS, QUICK_SETTLE_MS)),
        };
        Ok(Plan {
            name: if args.full { "full" } else { "quick" }.to_string(),
            arms,
            seeds: args.seeds.unwrap_or(pick(FULL_SEEDS, QUICK_SEEDS)),
            settings,
        })
    }

    pub fn needs_sabotage(&self) -> bool {
        self.arms.iter().any(Arm::needs_twin)
    }

    /// Guest seconds one boot measures and settles.
    pub fn guest_seconds(&self) -> u64 {
        let settings = &self.settings;
        (settings.ms + settings.settle_ms) * settings.cells.len() as u64 / 1000
    }
}

fn arms(args: &Args) -> Result<Vec<Arm>> {
    let mut names = match (args.schedulers.is_empty(), args.full) {
        (true, false) => vec![BASELINE.to_string(), OWN.to_string()],
        (true, true) => [BASELINE, OWN, "peers", CONTROL, SABOTAGE]
            .map(String::from)
            .to_vec(),
        (false, _) => args.schedulers.clone(),
    };
    // Without it there is nothing to compare with.
    names.insert(0, BASELINE.to_string());
    parse_arms(&names)
}

/// Each name once; `peers` stands for all of them.
pub fn parse_arms(names: &[String]) -> Result<Vec<Arm>> {
    let mut names = names.to_vec();
    if let Some(at) = names.iter().position(|n| n == "peers") {
        names.splice(at..=at, all_peers());
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names.iter().map(|name| Arm::parse(name)).collect()
}

/// Wrong names end the run before anything is built; two cells that differ in spelling only are one twice.
pub fn check_cells(cells: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for cell in cells {
        let (name, variant) = cell.split_once('@').unwrap_or((cell, ""));
        if !["", "renamed", "cgroup"].contains(&variant) {
            bail!("{cell}: no variant {variant}; there are: renamed, cgroup");
        }
        let (profile, background) = name
            .split_once('+')
            .with_context(|| format!("{cell}: not PROFILE+BACKGROUND"))?;
        Scenario::profile(profile)?;
        Background::parse_list(&background.replace('+', ","))?;
        if !seen.insert(cell) {
            bail!("{cell} is there twice");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The commands can be run as they stand there.
    #[test]
    fn the_cells_of_the_documents_are_cells() {
        let mut seen = 0;
        for document in ["README.md", "docs/DESIGN.md"] {
            let text = std::fs::read_to_string(crate::paths::root().join(document)).unwrap();
            for rest in text.split("--cells ").skip(1) {
                let list = rest.split(['\n', ' ', '`']).next().unwrap();
                // What stands for some that are named elsewhere.
                if list == "CELLS" {
                    continue;
                }
                let cells: Vec<String> = list.split(',').map(String::from).collect();
                check_cells(&cells).unwrap();
                seen += 1;
            }
        }
        assert!(seen >= 3, "{seen}");
    }

    #[test]
    fn cells_are_checked() {
        let check =
            |cells: &[&str]| check_cells(&cells.iter().map(|c| c.to_string()).collect::<Vec<_>>());
        assert!(check(QUICK_CELLS).is_ok() && check(FULL_CELLS).is_ok());
        assert!(check(&["60v+hogs:2+ipc", "60v+hogs@renamed", "60v+hogs@cgroup"]).is_ok());
        for bad in [
            &["60v"][..],
            &["61v+none"],
            &["60v+none@other"],
            &["60v+nope"],
            &["60v+hogs", "60v+hogs"],
        ] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
