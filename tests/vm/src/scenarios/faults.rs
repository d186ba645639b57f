// SPDX-License-Identifier: GPL-2.0-only
//! Every way it can refuse to start in this machine: one clear line, the documented exit code, nothing attached. What
//! needs no sched_ext is tested by tests/cli.rs.

use crate::oneshot::{self, Ended};
use crate::photon::{Photon, scx_ops, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::os::unix::process::CommandExt;
use std::process::Command;

const NOBODY: u32 = 65534;
const BTF_DIR: &str = "/sys/kernel/btf";

// The documented exit codes.
/// Of `check`.
const RUNS_NOT: i32 = 1;
const BAD_USAGE: i32 = 2;
const NOT_ROOT: i32 = 3;
const NO_BTF: i32 = 5;
const BUSY: i32 = 6;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = || Command::new(&ctx.scx_photon);
    oneshot::run(photon().uid(NOBODY).gid(NOBODY))?.expect("not root", NOT_ROOT, "root")?;
    let mut blind = photon();
    oneshot::hide(&mut blind, BTF_DIR)?;
    oneshot::run(&mut blind)?.expect("no BTF", NO_BTF, "BTF")?;
    check_without_btf(blind.arg("check"))?;
    let help = oneshot::run(photon().arg("--help"))?.stdout;
    let flags = numeric_flags(&help);
    if flags.is_empty() {
        return Err(Fail::failed("--help names no flag with a range"));
    }
    for flag in &flags {
        for value in flag.bad_values() {
            let argument = format!("--{}={value}", flag.name);
            let ended = oneshot::run(photon().arg(&argument))?;
            ended.expect(&argument, BAD_USAGE, &flag.name)?;
        }
    }
    busy(ctx)?;
    Ok(json!({"flags": flags.len()}))
}

/// What somebody looks with at such a kernel.
fn check_without_btf(blind: &mut Command) -> Result<(), Fail> {
    let ended = oneshot::run(blind)?;
    let why = "It cannot run here: this kernel has no BTF";
    match (ended.code, ended.stdout.contains(why)) {
        (Some(RUNS_NOT), true) => Ok(()),
        (code, _) => Err(Fail::failed(format!(
            "check without BTF: {code:?}: {} {}",
            ended.stdout, ended.stderr
        ))),
    }
}

/// A second one leaves the first alone.
fn busy(ctx: &Ctx) -> Result<(), Fail> {
    let first = Photon::start(ctx, &[])?;
    let ops = scx_ops();
    let second: Ended = oneshot::run(&mut Command::new(&ctx.scx_photon))?;
    if scx_state().as_deref() != Some("enabled") || scx_ops() != ops {
        return Err(Fail::failed("the second scheduler disturbed the first"));
    }
    first.stop()?;
    second.expect("another scheduler", BUSY, "photon")
}

/// A tunable as `--help` shows it: `--slice-us <US>` and, in its text, `[500 to 20000 us, default 4000]`.
struct Flag {
    name: String,
    min: u64,
    max: u64,
}

impl Flag {
    fn bad_values(&self) -> Vec<String> {
        let mut bad = vec![
            (self.max + 1).to_string(),
            "x".to_string(),
            "-1".to_string(),
        ];
        if let Some(below) = self.min.checked_sub(1) {
            bad.push(below.to_string());
        }
        bad
    }
}

fn numeric_flags(help: &str) -> Vec<Flag> {
    // The text may be wrapped anywhere.
    let words: Vec<&str> = help.split_whitespace().collect();
    let (mut name, mut flags) = ("", Vec::new());
    for at in 0..words.len() {
        if let Some(flag) = words[at].strip_prefix("--") {
            name = flag;
        }
        let range = words.get(at..at + 3).unwrap_or_default();
        let [min, "to", max] = range else { continue };
        let Some(min) = min.strip_prefix('[') else {
            continue;
        };
        if let (Ok(min), Ok(max)) = (min.parse(), max.parse()) {
            flags.push(Flag {
                name: name.to_string(),
                min,
                max,
            });
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_from_the_help() {
        let help =
            "  --slice-us <US>\n     CPU time [500 to 20000\n     us, default 4000]\n --json  x\n";
        let flags = numeric_flags(help);
        assert_eq!(flags.len(), 1);
        assert_eq!((flags[0].min, flags[0].max), (500, 20000));
        assert_eq!(flags[0].name, "slice-us");
        assert_eq!(flags[0].bad_values(), ["20001", "x", "-1", "499"]);
    }
}
