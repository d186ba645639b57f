// SPDX-License-Identifier: GPL-2.0-only
//! What a run says about itself: two sides that are the same must look the same, and a scheduler that was broken on
//! purpose must look broken.

use super::arms::{BASELINE, CONTROL, OWN, SABOTAGE};
use super::results::{Outcome, Results};
use photon_bench::aggregate::{CellKey, Comparison, compare};
use photon_bench::metrics::definitions::{Better, METRICS};
use photon_bench::stats::{CONFIDENCE, excludes_zero_among};
use std::fmt::Write;

/// What scx_photon without preemption must be worse in, wherever there is something to preempt.
const HURT: &[&str] = &[
    "frame_p50_ms",
    "frame_p99_ms",
    "excess_p50_ms",
    "excess_p99_ms",
    "frames_late",
    "input_wake_p99_us",
    "input_wake_p999_us",
];
/// Of the intervals of two equal sides one in twenty excludes zero by chance: that is what 95 % means. The metrics of a
/// cell go together, so their number scatters; more than this many times as many would be the bench's fault.
const MOST_CHANCES: f64 = 2.0;
const NO_BACKGROUND: &str = "none";

/// One control's sentence, and whether it is as it should be.
pub struct Control {
    pub good: bool,
    pub text: String,
}

pub fn controls(results: &Results) -> Vec<Control> {
    let outcome = |name: &str| results.outcomes.iter().find(|o| o.name == name);
    let mut all = Vec::new();
    if let (Some(a), Some(b)) = (outcome(BASELINE), outcome(CONTROL)) {
        all.extend(equal_sides(a, b));
    }
    if let (Some(own), Some(broken)) = (outcome(OWN), outcome(SABOTAGE)) {
        all.extend(sabotage(own, broken));
    }
    all
}

fn compared(a: &Outcome, b: &Outcome, keys: &[&str]) -> Option<Vec<Comparison>> {
    Some(compare(a.side.as_ref()?, b.side.as_ref()?, keys))
}

/// EEVDF against EEVDF that began a little later.
fn equal_sides(a: &Outcome, b: &Outcome) -> Option<Control> {
    let judged = METRICS.iter().filter(|m| m.better != Better::Neither);
    let keys: Vec<&str> = judged.map(|m| m.key).collect();
    let mut rows = compared(a, b, &keys)?;
    // What is the same in every run, such as no gap in the sound, cannot differ by chance and would thin out the share.
    rows.retain(|row| (row.difference.low, row.difference.high) != (0.0, 0.0));
    let apart: Vec<&Comparison> = rows
        .iter()
        .filter(|row| row.difference.n > 1 && row.difference.excludes(0.0))
        .collect();
    let certain = apart
        .iter()
        .filter(|row| excludes_zero_among(&row.difference, rows.len()))
        .count();
    let share = apart.len() as f64 / rows.len().max(1) as f64;
    let mut text = format!(
        "EEVDF against itself: of {} metrics that vary {} differ significantly, {:.1} % (5 % would by chance), after a \
         correction for their number {certain}",
        rows.len(),
        apart.len(),
        share * 100.0
    );
    let widest = apart
        .iter()
        .filter(|row| row.mean_a != 0.0)
        .max_by(|a, b| relative(a).total_cmp(&relative(b)));
    if let Some(row) = widest {
        // Writing to a string cannot fail, here and below.
        let _ = write!(
            text,
            "; the largest is {} beside {}: {:+.1} %",
            row.metric.key,
            row.key.background,
            (row.mean_b / row.mean_a - 1.0) * 100.0
        );
    }
    let good = share <= MOST_CHANCES * (1.0 - CONFIDENCE) && certain == 0;
    Some(Control { good, text })
}

fn relative(row: &Comparison) -> f64 {
    (row.mean_b / row.mean_a - 1.0).abs()
}

/// Worse in the mean and, with more than one seed, in every resample that counts.
fn is_hurt(row: &Comparison) -> bool {
    let d = &row.difference;
    d.estimate > 0.0 && (d.n < 2 || d.low > 0.0)
}

fn sabotage(own: &Outcome, broken: &Outcome) -> Option<Control> {
    let loaded = |key: &CellKey| key.background != NO_BACKGROUND;
    let rows = compared(own, broken, HURT)?;
    let rows: Vec<&Comparison> = rows.iter().filter(|row| loaded(&row.key)).collect();
    let missed: Vec<String> = rows
        .iter()
        .filter(|row| !is_hurt(row))
        .map(|row| {
            format!(
                "{} of {} beside {}",
                row.metric.key, row.key.profile, row.key.background
            )
        })
        .collect();
    let mut text = format!(
        "sabotage: caught in {} of {} metrics of the loaded cells",
        rows.len() - missed.len(),
        rows.len()
    );
    if !missed.is_empty() {
        let _ = write!(text, "; not in {}", missed.join(", "));
    }
    let good = missed.is_empty() && !rows.is_empty();
    Some(Control { good, text })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::plan::Settings;
    use photon_bench::aggregate::Cells;
    use std::collections::BTreeMap;

    /// Three seeds of one cell, every metric `base` plus the seed's own share of `step`.
    pub fn outcome(name: &str, base: f64, step: f64) -> Outcome {
        let key = CellKey {
            profile: "60v".into(),
            background: "hogs".into(),
            variant: String::new(),
            cpus: 4,
        };
        let metrics = |seed: u64| {
            let value = base + step * (seed as f64 - 2.0);
            METRICS.iter().map(|m| (m.key.to_string(), value)).collect()
        };
        let seeds: BTreeMap<u64, _> = (1..=3).map(|seed| (seed, metrics(seed))).collect();
        Outcome {
            name: name.into(),
            about: String::new(),
            measured: String::new(),
            side: Some(Cells::from([(key, seeds)])),
            comparisons: Vec::new(),
            frames: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    pub fn results(seeds: u64, outcomes: Vec<Outcome>) -> Results {
        let settings = Settings {
            kernel: String::new(),
            smp: String::new(),
            cells: Vec::new(),
            ms: 1,
            settle_ms: 1,
        };
        Results::compared(settings, seeds, outcomes)
    }

    fn said(outcomes: Vec<Outcome>) -> Vec<(bool, String)> {
        let results = results(3, outcomes);
        let all = controls(&results).into_iter();
        all.map(|c| (c.good, c.text)).collect()
    }

    #[test]
    fn equal_sides_are_equal_and_others_are_not() {
        let noisy = said(vec![
            outcome(BASELINE, 10.0, 0.0),
            outcome(CONTROL, 10.0, 1.0),
        ]);
        assert!(noisy[0].0, "{noisy:?}");
        let biased = said(vec![
            outcome(BASELINE, 10.0, 0.0),
            outcome(CONTROL, 11.0, 0.1),
        ]);
        assert!(
            !biased[0].0 && biased[0].1.contains("+10.0 %"),
            "{biased:?}"
        );
    }

    #[test]
    fn a_sabotage_that_hurts_nothing_is_said() {
        let hurt = said(vec![outcome(OWN, 10.0, 0.0), outcome(SABOTAGE, 12.0, 0.1)]);
        assert!(hurt[0].0 && hurt[0].1.contains("7 of 7"), "{hurt:?}");
        let harmless = said(vec![outcome(OWN, 10.0, 0.0), outcome(SABOTAGE, 10.0, 0.1)]);
        assert!(
            !harmless[0].0
                && harmless[0]
                    .1
                    .contains("not in frame_p50_ms of 60v beside hogs"),
            "{harmless:?}"
        );
        assert!(said(vec![outcome(OWN, 1.0, 0.0)]).is_empty());
    }
}
