// SPDX-License-Identifier: GPL-2.0-only
//! The cost ledger, `bench/ledger.csv`: a line each time somebody wrote a new budget, so that what a program costs can
//! be followed over the project's history. The first column is the commit that the budget was measured after, `-` where
//! that one is no longer in the history.

use crate::{paths, shell};
use anyhow::{Context, Result};
use photon_bench::budget::Costs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// The programs that run again and again; the kernel cuts their names at 15 characters.
const PROGRAMS: [&str; 5] = [
    "photon_select_c",
    "photon_enqueue",
    "photon_dispatch",
    "photon_running",
    "photon_stopping",
];

fn line(commit: &str, series: &str, costs: &Costs) -> String {
    let program = |name: &&str| {
        costs
            .per_run
            .get(*name)
            .map_or(String::new(), f64::to_string)
    };
    let programs: Vec<String> = PROGRAMS.iter().map(program).collect();
    format!(
        "{commit},{series},{},{}",
        costs.per_schedule,
        programs.join(",")
    )
}

/// Adds what was measured. The commit is the last one there was: the figures are of it and of what is not committed yet.
pub fn add(series: &str, costs: &Costs) -> Result<()> {
    let commit = shell::output(
        Command::new("git")
            .args(["rev-parse", "--short", "HEAD"])
            .current_dir(paths::root()),
    )?;
    let file = path();
    let mut ledger = std::fs::OpenOptions::new()
        .append(true)
        .open(&file)
        .with_context(|| file.display().to_string())?;
    writeln!(ledger, "{}", line(commit.trim(), series, costs))?;
    Ok(())
}

fn path() -> PathBuf {
    paths::root().join("bench/ledger.csv")
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::ensure;
    use photon_bench::budget::Budget;

    fn header() -> String {
        format!("after_commit,kernel,per_schedule,{}", PROGRAMS.join(","))
    }

    /// Every line has all columns and the last of a kernel is its budget, or who changed one forgot the other.
    fn check(text: &str, series: &str, costs: &Costs) -> Result<()> {
        let mut lines = text.lines();
        ensure!(lines.next() == Some(header().as_str()), "another header");
        let columns = header().split(',').count();
        let mut last = None;
        for line in lines {
            ensure!(line.split(',').count() == columns, "not {columns}: {line}");
            if line.split(',').nth(1) == Some(series) {
                last = Some(line);
            }
        }
        let last = last.with_context(|| format!("nothing of {series}"))?;
        let commit = last.split(',').next().unwrap_or_default();
        ensure!(
            last == line(commit, series, costs),
            "{last} is not the budget"
        );
        Ok(())
    }

    #[test]
    fn the_last_line_is_the_budget() {
        let text = std::fs::read_to_string(path()).unwrap();
        for (series, costs) in &Budget::shipped().unwrap().kernel {
            check(&text, series, costs).unwrap();
        }
    }

    #[test]
    fn a_forgotten_line_is_noticed() {
        let costs = Costs {
            per_schedule: 7.5,
            per_run: [("photon_running".to_string(), 3.0)].into(),
        };
        let text = format!("{}\n{}\n", header(), line("abc", "7.3", &costs));
        assert_eq!(line("abc", "7.3", &costs), "abc,7.3,7.5,,,,3,");
        check(&text, "7.3", &costs).unwrap();
        assert!(check(&text, "7.4", &costs).is_err());
        assert!(check("", "7.3", &costs).is_err());
        let dearer = Costs {
            per_schedule: 8.0,
            ..costs
        };
        assert!(check(&text, "7.3", &dearer).is_err());
    }
}
