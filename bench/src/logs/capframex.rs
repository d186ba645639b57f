// SPDX-License-Identifier: GPL-2.0-only
//! CapFrameX's record: one JSON object with one or more runs.

use super::{Fault, Run};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(default)]
    info: Info,
    runs: Vec<Recorded>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Info {
    game_name: Option<String>,
    process_name: Option<String>,
    processor: Option<String>,
    #[serde(rename = "GPU")]
    gpu: Option<String>,
    #[serde(rename = "OS")]
    os: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Recorded {
    capture_data: CaptureData,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CaptureData {
    ms_between_presents: Vec<Milliseconds>,
}

/// Checked by the visitor, where an error still knows its line.
struct Milliseconds(f64);

struct Checked;

impl Visitor<'_> for Checked {
    type Value = Milliseconds;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a time in milliseconds")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Milliseconds, E> {
        match value.is_finite() && value >= 0.0 {
            true => Ok(Milliseconds(value)),
            false => Err(E::custom(format!("`{value}` is no time"))),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Milliseconds, E> {
        self.visit_f64(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Milliseconds, E> {
        self.visit_f64(value as f64)
    }
}

impl<'de> Deserialize<'de> for Milliseconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_f64(Checked)
    }
}

pub fn parse(text: &str) -> Result<Vec<Run>, Fault> {
    let record: Record = serde_json::from_str(text).map_err(fault)?;
    if record.runs.is_empty() {
        return Err(Fault::whole("a record without runs"));
    }
    let info = record.info;
    let about: BTreeMap<String, String> = [
        ("application", info.game_name.or(info.process_name)),
        ("cpu", info.processor),
        ("gpu", info.gpu),
        ("os", info.os),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_string(), value?)))
    .collect();
    let run = |recorded: Recorded| Run {
        times: recorded
            .capture_data
            .ms_between_presents
            .into_iter()
            .map(|ms| ms.0)
            .collect(),
        about: about.clone(),
        ..Run::default()
    };
    Ok(record.runs.into_iter().map(run).collect())
}

fn fault(e: serde_json::Error) -> Fault {
    let place = format!(" at line {} column {}", e.line(), e.column());
    let said = e.to_string().replace(&place, "");
    let said = said.replace(['\n', '\r'], " ");
    let what = match e.is_eof() {
        true => format!("cut off: {said}"),
        false => format!("no record of CapFrameX: {said}"),
    };
    Fault::at(e.line().max(1), what)
}
