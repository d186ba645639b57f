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
    Ok(())
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
