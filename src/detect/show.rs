// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon games`: the decision about the processes that run now, from what
//! everybody may read of them. Without the kernel part's measurements, so a
//! game that only its behaviour tells is not found.

use anyhow::Result;
use serde::Serialize;

use super::decide::{Decision, decide};
use super::procfs::Processes;
use super::rules::Rule;
use super::tree::Proc;
use crate::say;

/// Of the JSON object; `procs` has the form of the fixtures in `tests/`.
#[derive(Serialize)]
struct Report<'a> {
    decision: &'a Decision,
    procs: &'a [Proc],
}

pub fn run(rules: &[Rule], json: bool) -> Result<()> {
    let procs = Processes::default().read();
    let decision = decide(&procs, rules);
    if json {
        let report = Report {
            decision: &decision,
            procs: &procs,
        };
        say::line(serde_json::to_string(&report)?)?;
        return Ok(());
    }
    for v in &decision.verdicts {
        let role = format!("{:?}", v.role).to_lowercase();
        say::line(format_args!(
            "{:>8}  {:15}  {role:8}  {}",
            v.pid, v.name, v.why
        ))?;
    }
    if decision.game.is_none() {
        say::line("Nobody plays, as far as can be told without the scheduler's measurements.")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::decide::{Role, Verdict};
    use crate::explained::explains_each_name;

    #[test]
    fn every_name_in_the_json_is_explained() {
        let proc = Proc {
            pid: 1,
            comm: "quake".into(),
            ..Proc::default()
        };
        let report = Report {
            decision: &decide(std::slice::from_ref(&proc), &[]),
            procs: &[proc],
        };
        let json = serde_json::to_value(report).expect("JSON");
        let (decision, proc) = (&json["decision"], &json["procs"][0]);
        let verdict = serde_json::to_value(Verdict {
            pid: 1,
            name: String::new(),
            role: Role::Game,
            why: String::new(),
        });
        let verdict = verdict.expect("JSON");
        explains_each_name("games", &[&json, decision, &verdict, proc, &proc["seen"]]);
    }
}
