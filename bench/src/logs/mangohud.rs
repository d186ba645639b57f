// SPDX-License-Identifier: GPL-2.0-only
//! MangoHud's log: the machine in two lines, then a row a frame. With `log_versioning` there are
//! lines between them. Frame times are milliseconds, before 0.7 microseconds.

use super::columns::{Table, names_of};
use super::{Fault, Run};
use crate::quantile::{quantile, sorted};
use std::collections::BTreeMap;
use std::ops::Range;

/// Lines in front of the names of the columns, in any version.
const MOST_PREAMBLE: usize = 8;
/// `fps * frametime` in each unit; the two are rounded, and fps is of the same frame.
const MILLISECONDS: Range<f64> = 900.0..1_100.0;
const MICROSECONDS: Range<f64> = 900_000.0..1_100_000.0;
const US_PER_MS: f64 = 1_000.0;
/// `elapsed` is in nanoseconds, before 0.5 in microseconds.
const ELAPSED_PER_MS: [f64; 2] = [1e6, 1e3];
/// Frames and clock differ by rounding only if every frame is there.
const MOST_MISSING: f64 = 0.1;
/// A pause while the log began would look like a sample in a shorter list.
const LEAST_TO_JUDGE: usize = 10;

fn header_at(text: &str) -> Option<usize> {
    text.lines().take(MOST_PREAMBLE).position(|line| {
        let names = names_of(line);
        ["fps", "frametime"]
            .iter()
            .all(|n| names.iter().any(|have| have == n))
    })
}

pub fn begins(text: &str) -> bool {
    text.starts_with("os,") || text.starts_with("v1\n") || header_at(text).is_some()
}

pub fn parse(text: &str) -> Result<Run, Fault> {
    let header = header_at(text).ok_or_else(|| {
        let lines = text.lines().take(MOST_PREAMBLE).count();
        Fault::at(lines, "MangoHud's log ends before its columns are named")
    })?;
    let table = Table::below(text, header)?;
    let named = |name| {
        let missing = || Fault::at(header + 1, format!("no column {name}"));
        table.column(&[name]).ok_or_else(missing)
    };
    let (fps, time) = (named("fps")?, named("frametime")?);
    let mut times = Vec::with_capacity(table.rows.len());
    let mut products = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        times.push(row.number(time)?);
        // Of a frame that took no time the rate is infinite; its product says nothing.
        let rate = row.text(fps).parse::<f64>().unwrap_or(f64::NAN);
        products.push(rate * times.last().copied().unwrap_or(f64::NAN));
    }
    let divisor = unit(products)
        .ok_or_else(|| Fault::at(header + 2, "fps and frametime do not agree from here on"))?;
    times.iter_mut().for_each(|t| *t /= divisor);
    if let Some(elapsed) = table.column(&["elapsed"]) {
        let ends = [table.rows.first(), table.rows.last()];
        if let [Some(first), Some(last)] = ends {
            let span = last.number(elapsed)? - first.number(elapsed)?;
            whole(&times, span).map_err(|what| Fault::at(last.line, what))?;
        }
    }
    Ok(Run {
        times,
        about: about(text),
        ..Run::default()
    })
}

/// What a frame time has to be divided by to be in milliseconds.
fn unit(products: Vec<f64>) -> Option<f64> {
    let finite: Vec<f64> = products.into_iter().filter(|p| p.is_finite()).collect();
    let median = quantile(&sorted(finite), 0.5)?;
    match () {
        () if MILLISECONDS.contains(&median) => Some(1.0),
        () if MICROSECONDS.contains(&median) => Some(US_PER_MS),
        () => None,
    }
}

/// With a `log_interval` MangoHud writes samples, and what is between them is lost.
fn whole(times: &[f64], span: f64) -> Result<(), String> {
    if times.len() < LEAST_TO_JUDGE {
        return Ok(());
    }
    if span <= 0.0 {
        return Err("elapsed does not grow: cut off in the middle of a number?".into());
    }
    let frames: f64 = times[1..].iter().sum();
    let fills = |per_ms: &f64| ((frames * per_ms / span) - 1.0).abs() <= MOST_MISSING;
    match ELAPSED_PER_MS.iter().any(fills) {
        true => Ok(()),
        false => Err(
            "frames and elapsed time do not agree: these are samples; set log_interval=0".into(),
        ),
    }
}

fn about(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines().take(MOST_PREAMBLE);
    let names = lines.find(|line| line.starts_with("os,"));
    let (Some(names), Some(values)) = (names, lines.next()) else {
        return BTreeMap::new();
    };
    let (names, values) = (names_of(names), values.split(',').map(str::trim));
    // A comma in a name would move everything behind it.
    if values.clone().count() != names.len() {
        return BTreeMap::new();
    }
    let pairs = names.into_iter().zip(values.map(str::to_string));
    pairs.filter(|(_, value)| !value.is_empty()).collect()
}
