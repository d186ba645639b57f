// SPDX-License-Identifier: GPL-2.0-only
//! The policy headers, compiled natively under sanitizers: one program for each `tests/policy/*.c`.

use crate::artifacts::has_file;
use crate::tally::Tally;
use crate::{deps, paths, shell};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

const FLAGS: &[&str] = &[
    "-std=gnu11",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
];

/// Makes `policy/task.h` assert that a hot field lies outside the first line.
const LAYOUT_SABOTAGE: &str = "-DPHOTON_SABOTAGE_LAYOUT";
const LAYOUT_MESSAGE: &str = "sabotage: this assertion must fail";

pub fn run(tally: &mut Tally) -> Result<()> {
    let root = paths::root();
    let clang = deps::newest_program("clang").context("clang is not installed")?;
    let into = paths::cache("policy")?;
    let Ok(entries) = std::fs::read_dir(root.join("tests/policy")) else {
        tally.fail("policy", "tests/policy is missing");
        return Ok(());
    };
    let mut files: Vec<_> = entries
        .flatten()
        .map(|e| e.path())
        .filter(|p| has_file(p, "c"))
        .collect();
    files.sort();
    shell::step(&format!(
        "policy headers: {} native test programs",
        files.len()
    ));
    for file in files {
        let stem = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let name = format!("policy {stem}");
        match one(&clang, &root, &file, &into.join(&stem)) {
            Ok(said) => tally.pass(&name, said.lines().last().unwrap_or_default()),
            Err(e) => tally.fail(&name, &format!("{e:#}")),
        }
    }
    layout_twin(tally, &clang, &root);
    Ok(())
}

/// The layout assertions must be able to fail: with one that cannot hold, nothing may compile.
fn layout_twin(tally: &mut Tally, clang: &str, root: &Path) {
    let name = "policy layout twin";
    let mut compile = Command::new(clang);
    compile.args(FLAGS).args(["-fsyntax-only", LAYOUT_SABOTAGE]);
    compile
        .arg("-I")
        .arg(root.join("src/bpf"))
        .arg(root.join("tests/policy/base.c"));
    match shell::output(&mut compile) {
        Ok(_) => tally.fail(name, "a field moved across a line, and everything compiled"),
        Err(e) if format!("{e:#}").contains(LAYOUT_MESSAGE) => {
            tally.pass(name, "failed as it must")
        }
        Err(e) => tally.fail(name, &format!("failed for another reason: {e:#}")),
    }
}

fn one(clang: &str, root: &Path, source: &Path, program: &Path) -> Result<String> {
    let mut compile = Command::new(clang);
    compile
        .args(FLAGS)
        .arg("-I")
        .arg(root.join("src/bpf"))
        .arg(source)
        .arg("-o")
        .arg(program);
    shell::output(&mut compile)?;
    shell::output(&mut Command::new(program))
}
