// SPDX-License-Identifier: GPL-2.0-only
//! Formats, lints and unit tests: everything that needs no kernel.

use crate::artifacts::{cargo, has_file};
use crate::paths::Temporary;
use crate::tally::Tally;
use crate::{deps, paths, shell};
use anyhow::{Context, Result};
use photon_bench::untested;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where our C is.
const C_DIRS: &[&str] = &["src/bpf", "tests/policy", "bench/native/src/bpf"];

pub fn rustfmt(tally: &mut Tally) {
    simple(tally, "rustfmt", &mut cargo(&["fmt", "--all", "--check"]));
}

pub fn clippy(tally: &mut Tally) {
    let mut command = cargo(&[
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    simple(tally, "clippy", &mut command);
}

fn simple(tally: &mut Tally, name: &str, command: &mut Command) {
    shell::step(name);
    match shell::run(command) {
        Ok(()) => tally.pass(name, ""),
        Err(e) => tally.fail(name, &format!("{e:#}")),
    }
}

pub fn clang_format(tally: &mut Tally) {
    let name = "clang-format";
    if !paths::root().join(".clang-format").exists() {
        return tally.skip(name, "the tree has no .clang-format");
    }
    let Some(program) = deps::newest_program("clang-format") else {
        return tally.skip(name, "clang-format is not installed");
    };
    let mut files = Vec::new();
    C_DIRS
        .iter()
        .for_each(|dir| sources(&paths::root().join(dir), &mut files));
    simple(
        tally,
        name,
        Command::new(program)
            .args(["--dry-run", "-Werror"])
            .args(files),
    );
}

fn sources(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for path in entries.flatten().map(|e| e.path()) {
        if path.is_dir() {
            sources(&path, files);
        } else if has_file(&path, "c") || has_file(&path, "h") {
            files.push(path);
        }
    }
    files.sort();
}

/// Runs `cargo test`, shows its test lines and counts them.
pub fn unit_tests(tally: &mut Tally) -> Result<()> {
    shell::step("cargo test");
    let mut command = cargo(&[
        "test",
        "--quiet",
        "--workspace",
        "--no-fail-fast",
        "--",
        "--format",
        "pretty",
    ]);
    let list = Temporary::named("untested");
    let mut child = command
        .env(untested::FILE, &list.0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo test")?;
    let out = child.stdout.take().context("cargo test without stdout")?;
    let mut failed = 0;
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        if let Some(name) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            failed += 1;
            tally.fail(&format!("unit {name}"), "");
        } else if let Some((passed, skipped)) = parse_summary(&line) {
            tally.add(passed, skipped);
        } else if !line.is_empty() && !line.starts_with("running ") {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    for line in not_tested(&list) {
        let (name, why) = line.split_once(' ').unwrap_or((&line, ""));
        tally.untested(&format!("unit {name}"), why);
    }
    if !status.success() && failed == 0 {
        tally.fail(
            "cargo test",
            &format!("ended with {status} and no failed test"),
        );
    }
    Ok(())
}

/// The lines in which tests have said that they could not be run here, one a test: the harness knows only that they have
/// not failed.
fn not_tested(list: &Temporary) -> Vec<String> {
    let text = std::fs::read_to_string(&list.0).unwrap_or_default();
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    lines.sort();
    lines.dedup_by(|a, b| a.split(' ').next() == b.split(' ').next());
    lines
}

/// `test result: ok. 5 passed; 0 failed; 1 ignored; ...` to passed and ignored.
fn parse_summary(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        let part = counts
            .split(';')
            .find_map(|p| p.trim().strip_suffix(what))?;
        part.trim().parse().ok()
    };
    Some((count(" passed")?, count(" ignored")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_tested_is_told_once() {
        let list = Temporary::named("untested-test");
        assert_eq!(not_tested(&list), Vec::<String>::new());
        std::fs::write(&list.0, "b no root\na no mouse\nb no root\n").expect("writes");
        assert_eq!(not_tested(&list), ["a no mouse", "b no root"]);
        let path = list.0.clone();
        drop(list);
        assert!(!path.exists());
    }

    #[test]
    fn summaries_parse() {
        let line = "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(parse_summary(line), Some((5, 1)));
        assert_eq!(parse_summary("test a::b ... ok"), None);
    }
}
