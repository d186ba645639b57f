// SPDX-License-Identifier: GPL-2.0-only
//! PresentMon's log, of version 1 or 2, and CapFrameX's export with `//` lines in front of it: a
//! row a present, of every process that was watched.

use super::columns::{Column, Row, Table, names_of};
use super::{Fault, Run};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The time between presents, by version.
const TIME: &[&str] = &["msbetweenpresents", "frametime", "cpuframetime"];
const COMMENT: &str = "//";
/// What tells one row of frames from another.
const STREAM: [&str; 3] = ["application", "processid", "swapchainaddress"];

fn header_at(text: &str) -> Option<usize> {
    let (at, line) = text
        .lines()
        .enumerate()
        .find(|(_, line)| !line.starts_with(COMMENT))?;
    let names = names_of(line);
    let has = |wanted: &str| names.iter().any(|n| n == wanted);
    (has(STREAM[0]) && TIME.iter().any(|t| has(t)) || has(TIME[0])).then_some(at)
}

pub fn begins(text: &str) -> bool {
    header_at(text).is_some()
}

pub fn parse(text: &str) -> Result<Run, Fault> {
    let header = header_at(text).ok_or_else(|| Fault::at(1, "no column MsBetweenPresents"))?;
    let table = Table::below(text, header)?;
    let time = table
        .column(TIME)
        .ok_or_else(|| Fault::at(header + 1, "no column MsBetweenPresents"))?;
    let key: Vec<Column> = STREAM
        .iter()
        .filter_map(|name| table.column(&[name]))
        .collect();
    let mut streams = BTreeMap::<Vec<&str>, Vec<&Row>>::new();
    for row in &table.rows {
        let stream = key.iter().map(|c| row.text(*c)).collect();
        streams.entry(stream).or_default().push(row);
    }
    // Of equal ones the one that came first.
    let rank = |rows: &[&Row]| (rows.len(), Reverse(rows[0].line));
    let Some((stream, rows)) = streams.iter().max_by_key(|(_, rows)| rank(rows)) else {
        return Err(Fault::at(header + 1, "no frames below this line"));
    };
    let mut run = Run::default();
    let mut unknown = 0;
    for row in rows {
        match row.known(time)? {
            Some(ms) => run.times.push(ms),
            None => unknown += 1,
        }
    }
    // The first present has nothing before it.
    if unknown > 1 {
        run.notes.push(format!("{unknown} rows without a time"));
    }
    if let Some(name) = stream.first() {
        run.about.insert("application".into(), (*name).to_string());
    }
    let others = table.rows.len() - rows.len();
    if others > 0 {
        run.notes.push(format!(
            "{others} rows of other processes or swap chains left out"
        ));
    }
    Ok(run)
}
