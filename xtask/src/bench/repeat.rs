// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask bench repeat`: the same programs with the same seed, twice, must give the same frames to the
//! microsecond and the same metrics. If they ever do not, every difference between two schedulers is in doubt.

use super::arms::Arm;
use super::boots::{self, Rig};
use super::plan::{self, Plan, Settings};
use crate::artifacts::{self, Variants};
use crate::kernel;
use crate::kernel_name::{Flavour, Series};
use crate::qemu_package::Qemu;
use crate::{deps, shell};
use anyhow::Result;
use serde_json::Value;
use std::process::ExitCode;

const SETTLE_MS: u64 = 500;
/// What must be equal; the rest of a report are the circumstances, which are equal by construction.
const PARTS: [&str; 4] = ["metrics", "roles", "backgrounds", "frames"];

#[derive(clap::Args)]
pub struct Args {
    /// Comma separated names, as for `bench`
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "eevdf,photon"
    )]
    schedulers: Vec<String>,
    /// Comma separated PROFILE+BACKGROUND[+BACKGROUND...]
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "60v+hogs,60v+compile"
    )]
    cells: Vec<String>,
    /// The seed, the same both times
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Measured guest milliseconds for each cell
    #[arg(long, value_name = "N", default_value = "1000")]
    ms: u64,
    /// A kernel series such as 6.18, or `newest`
    #[arg(long, value_name = "SERIES", default_value = "newest")]
    kernel: Series,
    /// CPUs of the machine, as QEMU takes them
    #[arg(long, value_name = "N", default_value = "4")]
    smp: String,
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    plan::check_cells(&args.cells)?;
    let mut arms = plan::parse_arms(&args.schedulers)?;
    deps::ensure()?;
    let variants = match arms.iter().any(Arm::needs_twin) {
        true => Variants::ProductAndSabotage,
        false => Variants::Product,
    };
    let artifacts = artifacts::build_for_run(variants)?;
    arms.iter_mut().for_each(|arm| arm.obtain(&artifacts));
    let mirror = args.mirror.as_deref();
    let kernel = kernel::newest_of(&args.kernel, Flavour::Generic, mirror)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let settings = Settings {
        kernel: kernel.name.clone(),
        smp: args.smp.clone(),
        cells: args.cells.clone(),
        ms: args.ms,
        settle_ms: SETTLE_MS,
    };
    let plan = Plan {
        name: "repeat".to_string(),
        arms,
        seeds: args.seed,
        settings,
    };
    let rig = Rig {
        qemu: &qemu,
        kernel: &kernel,
        artifacts: &artifacts,
    };
    let mut code = ExitCode::SUCCESS;
    for arm in &plan.arms {
        shell::step(&format!("{}, twice", arm.name));
        let once =
            || boots::measure(&plan, &rig, arm, args.seed, true)?.map_err(anyhow::Error::msg);
        let (first, second) = (once()?, once()?);
        for (one, other) in first.iter().zip(&second) {
            let (same, line) = compare(one, other);
            println!("{}: {line}", arm.name);
            if !same {
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

/// One cell's two reports.
fn compare(one: &Value, other: &Value) -> (bool, String) {
    let mut values = 0;
    let mut differing = Vec::new();
    for part in PARTS {
        walk(part, &one[part], &other[part], &mut values, &mut differing);
    }
    let name = |key: &str| one[key].as_str().unwrap_or("?").to_string();
    let frames = one["frames"]["number"].as_array().map_or(0, Vec::len);
    let cell = format!(
        "{} beside {}, seed {}: {frames} frames, {values} values",
        name("profile"),
        name("background"),
        one["seed"]
    );
    match differing.first() {
        None if frames > 0 => (true, format!("{cell}, identical")),
        None => (false, format!("{cell}: nothing to compare")),
        Some(first) => (
            false,
            format!("{cell}, {} DIFFER, first {first}", differing.len()),
        ),
    }
}

/// Counts the plain values of both sides and names those that differ.
fn walk(path: &str, one: &Value, other: &Value, values: &mut usize, differing: &mut Vec<String>) {
    let below = |key: &str| format!("{path}.{key}");
    match (one, other) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                walk(&below(key), value, &b[key], values, differing);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&below(&index.to_string()), a, b, values, differing);
            }
        }
        _ => {
            *values += 1;
            if one != other {
                differing.push(format!("{path}: {one} and {other}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(submit: u64) -> Value {
        json!({"profile": "60v", "background": "hogs", "seed": 1, "metrics": {"a": 1.5}, "roles": {},
               "backgrounds": {}, "frames": {"number": [1, 2], "submit_us": [5, submit]}})
    }

    #[test]
    fn a_microsecond_is_a_difference() {
        let (same, line) = compare(&report(7), &report(7));
        assert!(
            same && line.contains("2 frames, 5 values, identical"),
            "{line}"
        );
        let (same, line) = compare(&report(7), &report(8));
        assert!(!same && line.contains("1 DIFFER"), "{line}");
        assert!(line.contains("frames.submit_us.1: 7 and 8"), "{line}");
    }

    #[test]
    fn nothing_is_not_the_same() {
        let mut empty = report(7);
        empty["frames"] = Value::Null;
        assert!(!compare(&empty, &empty).0);
        let mut shorter = report(7);
        shorter["frames"]["submit_us"] = json!([5]);
        assert!(!compare(&report(7), &shorter).0);
    }
}
