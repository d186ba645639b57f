// SPDX-License-Identifier: GPL-2.0-only
//! One boot of `cargo xtask bench`: cells of the game in a box under one scheduler. It judges nothing but the run
//! itself: the scheduler it was told is the one that was attached before, between and after the cells, or it fails.
//! Arguments: those of [`crate::subject`], `--cells P+B,P+B2+B3`, `--seed N`, `--ms N`, `--settle-ms N`, `--frames`,
//! `--delay-us N` before the first cell; `--rename NAME` for every thread, `--cgroup NAME` for the game, `--registered`:
//! the game says that it is one.

use crate::bench;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::subject::{under, verify};
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;

const MS: u64 = 1_000_000;
const MEASURED_MS: u64 = 2_000;
const SETTLE_MS: u64 = 500;

pub fn run(ctx: &Ctx) -> Outcome {
    let delay = Duration::from_micros(ctx.number("--delay-us", 0)?);
    let (named, cells) = under(ctx, || {
        std::thread::sleep(delay);
        cells(ctx)
    })?;
    Ok(json!({"before": named.before, "after": named.after, "cells": cells}))
}

fn cells(ctx: &Ctx) -> Result<Vec<Value>, Fail> {
    let seed = ctx.number("--seed", 1)?;
    let measured = seconds(ctx.number("--ms", MEASURED_MS)?);
    let settle = seconds(ctx.number("--settle-ms", SETTLE_MS)?);
    let registered = if ctx.flag("--registered") {
        " --registered"
    } else {
        ""
    };
    let variant: String = ["--rename", "--cgroup"]
        .iter()
        .filter_map(|flag| Some(format!(" {flag} {}", ctx.option(flag)?)))
        .collect();
    let frames = if ctx.flag("--frames") {
        ""
    } else {
        " --no-frames"
    };
    let cells = ctx
        .option("--cells")
        .ok_or_else(|| Fail::failed("no --cells"))?;
    let mut list = String::new();
    for cell in cells.split(',') {
        let (cell, own) = cell.split_once('@').unwrap_or((cell, ""));
        let own = match own {
            "renamed" => " --rename worker",
            "cgroup" => " --cgroup photon-game",
            _ => "",
        };
        let (profile, background) = cell.split_once('+').unwrap_or((cell, "none"));
        let background = background.replace('+', ",");
        list += &format!(
            "--profile {profile} --background {background} --seed {seed} --seconds {measured} --settle {settle}{frames}{variant}{own}{registered}\n"
        );
    }
    let dir = std::env::temp_dir();
    let (list_file, json_file) = (dir.join("bench.list"), dir.join("bench.jsonl"));
    std::fs::write(&list_file, list)?;
    bench::run(
        Command::new(&ctx.photon_bench)
            .arg("cells")
            .arg("--list")
            .arg(&list_file)
            .arg("--json")
            .arg(&json_file),
    )?;
    let reports: Result<Vec<Value>, _> = std::fs::read_to_string(&json_file)?
        .lines()
        .map(serde_json::from_str)
        .collect();
    let reports = reports?;
    for report in &reports {
        for moment in ["before", "after"] {
            verify(ctx, report["scheduler"][moment].as_str())?;
        }
    }
    Ok(reports)
}

fn seconds(ms: u64) -> f64 {
    Duration::from_nanos(ms * MS).as_secs_f64()
}
