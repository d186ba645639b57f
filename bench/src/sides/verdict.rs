// SPDX-License-Identifier: GPL-2.0-only
//! One sentence. It never says "same" (an interval around zero proves no equality), it carries the
//! interval it rests on, and it names what became worse beside what became better.

use super::{Row, Side};
use crate::metrics::definitions::Better;
use crate::stats::{Finding, MIN_RUNS};

pub fn verdict(rows: &[Row], headline: &str, a: &Side, b: &Side) -> String {
    let Some(row) = rows.iter().find(|r| r.key == headline) else {
        return format!("Nothing to compare: no {headline} on one of the sides.");
    };
    let (name_a, name_b) = (&a.name, &b.name);
    let runs = match a.runs.len() == b.runs.len() {
        true => format!("{} runs a side", a.runs.len()),
        false => format!("{} and {} runs", a.runs.len(), b.runs.len()),
    };
    let basis = basis(row);
    match row.finding {
        Finding::TooFew => format!(
            "Too few runs to tell {name_b} from {name_a} ({runs}, {MIN_RUNS} a side are needed): {} is {} against {} on average.",
            row.name,
            amount(row, row.b),
            amount(row, row.a)
        ),
        Finding::Undecided => format!(
            "No difference between {name_a} and {name_b} in {} is shown: {basis}, {runs}.",
            row.name
        ),
        Finding::Better | Finding::Worse => {
            let better = row.finding == Finding::Better;
            let word = if better { "better" } else { "worse" };
            format!(
                "{name_b} is {word} than {name_a} in {}: {basis}, {runs}{}.",
                row.name,
                contrary(rows, better)
            )
        }
    }
}

fn amount(row: &Row, value: f64) -> String {
    format!("{value:.*} {}", row.digits, unit(row))
}

/// A rate is fps to whoever plays.
fn unit(row: &Row) -> &'static str {
    match row.unit {
        "1/s" => "fps",
        other => other,
    }
}

/// The name with its unit, if that is not part of it.
pub fn label(row: &Row) -> String {
    match unit(row) {
        "fps" => row.name.to_string(),
        unit => format!("{}, {unit}", row.name),
    }
}

fn basis(row: &Row) -> String {
    let (d, digits) = (&row.difference, row.digits);
    let share = match row.a > 0.0 {
        true => format!(" ({:+.1} %)", d.estimate / row.a * 100.0),
        false => String::new(),
    };
    format!(
        "{:+.digits$} {unit}{share}, 95 % interval {:+.digits$} to {:+.digits$} {unit}",
        d.estimate,
        d.low,
        d.high,
        unit = unit(row)
    )
}

/// What goes against the headline.
fn contrary(rows: &[Row], better: bool) -> String {
    let against = match better {
        true => Finding::Worse,
        false => Finding::Better,
    };
    let names: Vec<&str> = rows
        .iter()
        .filter(|r| r.finding == against && r.metric.better != Better::Neither)
        .map(|r| r.name)
        .collect();
    match (names.is_empty(), better) {
        (true, _) => String::new(),
        (false, true) => format!("; but worse in {}", names.join(", ")),
        (false, false) => format!("; but better in {}", names.join(", ")),
    }
}
