// SPDX-License-Identifier: GPL-2.0-only
//! What the user says of a process, by its program or its cgroup.

use serde::{Deserialize, Serialize};

use super::tree::Proc;

/// `[[rule]]` of the configuration. What is given must match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// File name of the program, in any case.
    pub program: Option<String>,
    /// Part of the cgroup's path.
    pub cgroup: Option<String>,
    /// Is it a game?
    pub game: bool,
}

/// Bytes of a task's name in the kernel.
const COMM_LEN: usize = 15;

impl Rule {
    /// May this be meant by the program's name, as far as the kernel knows it?
    pub fn may_name(&self, comm: &str) -> bool {
        let comm = comm.to_lowercase();
        self.program.as_ref().is_some_and(|p| {
            let p = p.to_lowercase();
            p == comm || (comm.len() >= COMM_LEN && p.starts_with(&comm))
        })
    }

    fn matches(&self, proc: &Proc) -> bool {
        let program = self.program.as_ref().is_none_or(|p| {
            let p = p.to_lowercase();
            proc.program() == p || proc.comm.to_lowercase() == p
        });
        let cgroup = self
            .cgroup
            .as_ref()
            .is_none_or(|c| proc.cgroup.contains(c.as_str()));
        program && cgroup && (self.program.is_some() || self.cgroup.is_some())
    }
}

/// The verdict of the first rule that matches.
pub fn verdict(rules: &[Rule], proc: &Proc) -> Option<bool> {
    rules.iter().find(|r| r.matches(proc)).map(|r| r.game)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_without_a_condition_matches_nothing() {
        let rule = Rule {
            game: true,
            ..Rule::default()
        };
        assert_eq!(verdict(&[rule], &Proc::default()), None);
    }

    #[test]
    fn a_long_name_is_known_by_its_beginning() {
        let rule = Rule {
            program: Some("SuperTuxKart-2.0".into()),
            ..Rule::default()
        };
        assert!(rule.may_name("supertuxkart-2."), "15 bytes of 16");
        assert!(rule.may_name("SuperTuxKart-2."));
        assert!(!rule.may_name("supertux"), "another one");
    }

    #[test]
    fn the_first_match_counts() {
        let rule = |program: &str, game| Rule {
            program: Some(program.into()),
            cgroup: None,
            game,
        };
        let rules = [rule("Quake", false), rule("quake", true)];
        let quake = Proc {
            comm: "quake".into(),
            ..Proc::default()
        };
        assert_eq!(verdict(&rules, &quake), Some(false));
        assert_eq!(verdict(&rules, &Proc::default()), None);
    }
}
