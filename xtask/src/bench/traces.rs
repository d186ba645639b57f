// SPDX-License-Identifier: GPL-2.0-only
//! The frames of the first seed as the repository keeps them: enough to draw every scheduler again beside those that
//! another run measures.

use super::published::cell_key;
use super::results::{Results, Trace};
use anyhow::{Context, Result, bail};
use photon_bench::aggregate::CellKey;
use photon_bench::quantile::sorted;
use std::collections::BTreeMap;

const HEAD: &str = "scheduler,profile,background,cpus,times_ms,excess_ms\n";
/// Half a per cent at most, a pixel of a picture.
const SIGNIFICANT_DIGITS: i32 = 3;
/// What is shorter is at the end of every axis.
const LEAST_MS: f64 = 0.1;
const DROPPED: &str = "-";
/// Between a value and how often it came.
const TIMES: char = 'x';

/// A line for each scheduler and cell. Values in order of size: which frame had which is no picture's matter.
pub fn csv(results: &Results) -> String {
    let mut text = HEAD.to_string();
    for outcome in &results.outcomes {
        for (cell, trace) in &outcome.frames {
            let fields = [
                outcome.name.clone(),
                cell.profile.clone(),
                cell.beside(),
                cell.cpus.to_string(),
                written(&trace.times),
                written(&trace.excess),
            ];
            text += &(fields.join(",") + "\n");
        }
    }
    text
}

fn rounded(ms: f64) -> f64 {
    let before_point = ms.abs().max(LEAST_MS).log10().floor() as i32 + 1;
    let scale = 10f64.powi((SIGNIFICANT_DIGITS - before_point).max(0));
    // Of 0 and -0, 0.
    (ms * scale).round() / scale + 0.0
}

/// `12.9 13x4 -x2`: one frame of 12.9 ms, four of 13, two dropped.
fn written(values: &[Option<f64>]) -> String {
    let times = sorted(values.iter().flatten().map(|ms| rounded(*ms)).collect());
    let word = |value: String, n: usize| match n {
        1 => value,
        _ => format!("{value}{TIMES}{n}"),
    };
    let runs = times.chunk_by(|a, b| a == b);
    let mut words: Vec<String> = runs
        .map(|run| word(run[0].to_string(), run.len()))
        .collect();
    match values.len() - times.len() {
        0 => {}
        dropped => words.push(word(DROPPED.to_string(), dropped)),
    }
    words.join(" ")
}

fn read(text: &str) -> Result<Vec<Option<f64>>> {
    let mut values = Vec::new();
    for word in text.split_whitespace() {
        let (value, n) = word.split_once(TIMES).unwrap_or((word, "1"));
        let value = match value {
            DROPPED => None,
            _ => Some(value.parse().with_context(|| word.to_string())?),
        };
        let n: usize = n.parse().with_context(|| word.to_string())?;
        values.extend(std::iter::repeat_n(value, n));
    }
    Ok(values)
}

/// By scheduler and cell.
pub fn parse(text: &str) -> Result<BTreeMap<String, BTreeMap<CellKey, Trace>>> {
    let mut all = BTreeMap::<String, BTreeMap<CellKey, Trace>>::new();
    for (line, number) in text.lines().zip(1..).skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [scheduler, profile, background, cpus, times, excess] = fields[..] else {
            bail!("line {number}: not 6 fields");
        };
        let trace = || -> Result<(CellKey, Trace)> {
            let trace = Trace {
                times: read(times)?,
                excess: read(excess)?,
                presents: Vec::new(),
            };
            Ok((cell_key(profile, background, cpus)?, trace))
        };
        let (cell, trace) = trace().with_context(|| format!("line {number}"))?;
        let cells = all.entry(scheduler.to_string()).or_default();
        cells.insert(cell, trace);
    }
    Ok(all)
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::controls::tests::{outcome, results};

    pub fn trace(times: &[Option<f64>]) -> Trace {
        Trace {
            times: times.to_vec(),
            excess: times.to_vec(),
            presents: Vec::new(),
        }
    }

    #[test]
    fn frames_are_short_and_come_back() {
        for (value, short) in [
            (13.0449, 13.0),
            (9.996, 10.0),
            (1234.5, 1235.0),
            (0.12345, 0.123),
            (0.0001, 0.0),
            (-0.0001, 0.0),
        ] {
            assert_eq!(rounded(value), short);
            assert_eq!(rounded(short), short);
        }
        let values = [
            None,
            Some(13.0),
            Some(12.94),
            Some(13.01),
            None,
            Some(100.0),
        ];
        assert_eq!(written(&values), "12.9 13x2 100 -x2");
        let back = read("12.9 13x2 100 -x2").unwrap();
        assert_eq!(
            (back.len(), back[5], written(&back)),
            (6, None, written(&values))
        );
        for wrong in ["13x", "x2", "13 12,", "a"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_of_frames_is_read_as_it_was_written() {
        let mut own = outcome("photon", 1.0, 0.1);
        let mut cell = results(3, vec![outcome("a", 1.0, 0.1)]).cells()[0].clone();
        own.frames.insert(cell.clone(), trace(&[Some(12.9), None]));
        cell.variant = "renamed".into();
        own.frames.insert(cell.clone(), trace(&[Some(13.0)]));
        let text = csv(&results(3, vec![own]));
        assert_eq!(text.lines().count(), 3);
        let all = parse(&text).unwrap();
        assert_eq!(all["photon"].len(), 2);
        assert_eq!(all["photon"][&cell].times, [Some(13.0)]);
        let error = parse(&format!("{text}photon,60v,none,4,1\n")).err();
        assert!(error.unwrap().to_string().contains("line 4"));
    }
}
