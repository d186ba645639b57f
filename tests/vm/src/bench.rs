// SPDX-License-Identifier: GPL-2.0-only
//! Runs the game in a box and reads its reports.

use crate::scenario::Fail;
use serde_json::Value;
use std::io;
use std::process::{Command, ExitStatus, Stdio};

/// To its end. It has no input; its output goes where the command says.
pub fn run(command: &mut Command) -> Result<(), Fail> {
    let status = command.stdin(Stdio::null()).status();
    ended(status.map_err(|e| not_started(command, &e))?)
}

/// To its end; what it wrote to standard output.
pub fn output(command: &mut Command) -> Result<Vec<u8>, Fail> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|e| not_started(command, &e))?;
    ended(output.status)?;
    Ok(output.stdout)
}

fn not_started(command: &Command, why: &io::Error) -> Fail {
    Fail::failed(format!("{}: {why}", command.get_program().display()))
}

pub fn ended(status: ExitStatus) -> Result<(), Fail> {
    match status.success() {
        true => Ok(()),
        false => Err(Fail::failed(format!("photon-bench: {status}"))),
    }
}

/// One of the metrics of a report.
pub fn metric(report: &Value, key: &str) -> Result<f64, Fail> {
    let value = report["metrics"][key].as_f64();
    value.ok_or_else(|| Fail::failed(format!("the report has no {key}")))
}
