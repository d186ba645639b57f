// SPDX-License-Identifier: GPL-2.0-only
//! A run of the game in a box.

use anyhow::Result;
use photon_bench::background::Background;
use photon_bench::cell::{self, CellSpec};
use photon_bench::crew::Compositor;
use photon_bench::logs::Run;
use photon_bench::metrics::cell::{evaluate, frames_of, seen_of};
use photon_bench::scenario::Scenario;
use std::cell::RefCell;
use std::collections::BTreeSet;

use super::Args;
use crate::failure::Failure;

pub struct Model {
    spec: CellSpec,
    background: String,
    /// What the runs changed on this machine and put back.
    changed: RefCell<BTreeSet<String>>,
}

impl Model {
    pub fn new(args: &Args) -> Result<Model, Failure> {
        let unknown = |e: anyhow::Error| Failure::Usage(format!("{e:#}"));
        Ok(Model {
            spec: CellSpec {
                scenario: Scenario::profile(&args.profile).map_err(unknown)?,
                backgrounds: Background::parse_list(&args.background).map_err(unknown)?,
                seed: 0,
                seconds: args.seconds,
                settle: args.settle,
                rename: None,
                cgroup: None,
                registered: false,
                compositor: Compositor::Rr,
            },
            background: args.background.clone(),
            changed: RefCell::default(),
        })
    }

    /// The n-th run of either side draws the same work.
    pub fn measure(&self, seed: u64) -> Result<Run> {
        let spec = CellSpec {
            seed,
            ..self.spec.clone()
        };
        let raw = cell::run(&spec)?;
        self.changed
            .borrow_mut()
            .extend(raw.changed.iter().cloned());
        Ok(Run {
            source: format!("seed {seed}"),
            times: seen_of(&raw),
            figures: evaluate(&raw, &frames_of(&raw)),
            ..Run::default()
        })
    }

    pub fn remarks(&self) -> Vec<String> {
        let spec = &self.spec;
        let mut remarks = vec![format!(
            "The game in a box: {} beside {}, {} s a run after {} s. A model of a game: compare, do not read as fps.",
            spec.scenario.name, self.background, spec.seconds, spec.settle
        )];
        let changed = self.changed.borrow();
        remarks.extend(
            changed
                .iter()
                .map(|c| format!("On this machine the runs {c}.")),
        );
        remarks
    }
}
