// SPDX-License-Identifier: GPL-2.0-only
//! Runs of two schedulers side by side: the same cells and seeds, paired.

use crate::metrics::definitions::{Metric, find};
use crate::stats::{Finding, Interval, find as finding, paired_difference, paired_ratio};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Everything that makes two runs the same cell, except the seed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellKey {
    pub profile: String,
    pub background: String,
    /// What is not as usual: renamed threads, a cgroup, the other compositor.
    pub variant: String,
    pub cpus: usize,
}

impl CellKey {
    /// Of a report, which is one JSON line.
    pub fn of(report: &str) -> Result<CellKey> {
        Ok(serde_json::from_str::<Line>(report)?.key())
    }

    /// Background and variant, as `cargo xtask bench --cells` takes them.
    pub fn beside(&self) -> String {
        let background = self.background.replace(',', "+");
        match self.variant.as_str() {
            "" => background,
            variant => format!("{background}@{variant}"),
        }
    }

    /// For names of files.
    pub fn stem(&self) -> String {
        format!("{}-{}", self.profile, self.beside())
    }

    /// For people.
    pub fn title(&self) -> String {
        let variant = match self.variant.as_str() {
            "" => String::new(),
            variant => format!(" ({variant})"),
        };
        format!("{} beside {}{variant}", self.profile, self.background)
    }
}

/// The part of a report that is compared.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    profile: String,
    background: String,
    seed: u64,
    rename: Option<String>,
    cgroup: Option<String>,
    compositor: String,
    cpus: usize,
    metrics: BTreeMap<String, f64>,
}

impl Line {
    fn key(&self) -> CellKey {
        let mut variant = Vec::new();
        if self.rename.is_some() {
            variant.push("renamed");
        }
        if self.cgroup.is_some() {
            variant.push("cgroup");
        }
        if self.compositor != "rr" {
            variant.push(&self.compositor);
        }
        CellKey {
            profile: self.profile.clone(),
            background: self.background.clone(),
            variant: variant.join("+"),
            cpus: self.cpus,
        }
    }
}

/// Metrics of every seed of every cell of one side.
pub type Cells = BTreeMap<CellKey, BTreeMap<u64, BTreeMap<String, f64>>>;

/// The reports of a file, one JSON line each. A failed cell or a broken line is an error that
/// names it: a missing run must never look like a good one.
pub fn load(path: &Path) -> Result<Cells> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    parse(&text).with_context(|| path.display().to_string())
}

fn parse(text: &str) -> Result<Cells> {
    let mut side = Cells::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        let run: Line = serde_json::from_str(line).with_context(|| format!("line {number}"))?;
        let seeds = side.entry(run.key()).or_default();
        if seeds.insert(run.seed, run.metrics).is_some() {
            bail!(
                "line {number}: this cell with seed {} was there before",
                run.seed
            );
        }
    }
    if side.is_empty() {
        bail!("no runs");
    }
    Ok(side)
}

/// One metric of one cell, side B against side A.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub key: CellKey,
    pub metric: &'static Metric,
    pub mean_a: f64,
    pub mean_b: f64,
    /// B minus A, paired by seed.
    pub difference: Interval,
    /// B over A; absent where A's mean is zero.
    pub ratio: Option<Interval>,
    pub finding: Finding,
}

/// Compare the given metrics in every cell both sides have, over the seeds both have.
pub fn compare(a: &Cells, b: &Cells, keys: &[&str]) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for (key, seeds_a) in a {
        let Some(seeds_b) = b.get(key) else { continue };
        for metric in keys.iter().filter_map(|k| find(k)) {
            let value = |m: &BTreeMap<String, f64>| m.get(metric.key).copied();
            let pairs: Vec<(f64, f64)> = seeds_a
                .iter()
                .filter_map(|(seed, m)| Some((value(m)?, value(seeds_b.get(seed)?)?)))
                .collect();
            rows.extend(row(key, metric, &pairs));
        }
    }
    rows
}

fn row(key: &CellKey, metric: &'static Metric, pairs: &[(f64, f64)]) -> Option<Comparison> {
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let difference = paired_difference(pairs)?;
    Some(Comparison {
        key: key.clone(),
        metric,
        mean_a: crate::quantile::mean(&a)?,
        mean_b: crate::quantile::mean(&b)?,
        difference,
        ratio: paired_ratio(pairs),
        finding: finding(&difference, metric.better),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(background: &str, seed: u64, p99: f64) -> String {
        format!(
            r#"{{"profile":"60v","background":"{background}","seed":{seed},"rename":null,"cgroup":null,"compositor":"rr","cpus":4,"metrics":{{"frame_p99_ms":{p99}}}}}"#
        )
    }

    fn side(offset: f64) -> Cells {
        let lines: Vec<String> = (1..=6)
            .map(|s| line("hogs", s, s as f64 + offset))
            .collect();
        parse(&lines.join("\n")).unwrap()
    }

    #[test]
    fn pairs_by_seed() {
        let rows = compare(&side(10.0), &side(8.0), &["frame_p99_ms", "stutters"]);
        assert_eq!(rows.len(), 1, "a metric nobody has makes no row");
        assert_eq!(
            (rows[0].difference.low, rows[0].difference.high),
            (-2.0, -2.0)
        );
        assert_eq!(rows[0].finding, Finding::Better);
        assert_eq!(rows[0].mean_a, 13.5);
        let same = compare(&side(0.0), &side(0.0), &["frame_p99_ms"]);
        assert_eq!(same[0].finding, Finding::Undecided);
    }

    #[test]
    fn bad_lines_are_named() {
        let error = |text: &str| format!("{:#}", parse(text).unwrap_err());
        let good = line("hogs", 1, 1.0);
        assert!(error(&format!("{good}\n{{\"line\":3,\"error\":\"x\"}}")).contains("line 2"));
        assert!(error(&format!("{good}\n{good}")).contains("seed 1"));
        assert!(error("").contains("no runs"));
    }
}
