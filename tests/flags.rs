// SPDX-License-Identifier: GPL-2.0-only
//! Every flag of the daemon has a test that shows what it does. Tunables have theirs in `tests/policy/tunables.c`, by
//! name; of the others the table here says which it is. A flag without one, and a test that is gone, fail.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const CASES: &str = "tests/policy/tunables.c";
const JOBS: &str = "xtask/src/jobs.rs";
const PROGRAM: &str = "tests/cli.rs";
const PARSER: &str = "src/cli.rs";

/// Where it is shown: a file, what that file says of it and, if it is shown in a test machine, by which scenario.
struct Shown(&'static str, &'static str, Option<&'static str>);

const FLAGS: &[(&str, Shown)] = &[
    (
        "--help",
        Shown(PROGRAM, "fn help_names_every_exit_code", None),
    ),
    (
        "--version",
        Shown(PROGRAM, "fn help_stats_and_version_need_nothing", None),
    ),
    (
        "--help-stats",
        Shown(PROGRAM, "fn help_stats_and_version_need_nothing", None),
    ),
    (
        "--stats",
        Shown(
            "tests/vm/src/sample.rs",
            "\"--stats\", \"0.2\", \"--json\"",
            Some("tunables"),
        ),
    ),
    (
        "--json",
        Shown(
            "tests/vm/src/sample.rs",
            "\"--stats\", \"0.2\", \"--json\"",
            Some("tunables"),
        ),
    ),
    (
        "--monitor",
        Shown(
            "tests/vm/src/scenarios/flags.rs",
            "[\"--monitor\", ",
            Some("flags"),
        ),
    ),
    (
        "--config",
        Shown(
            "tests/vm/src/scenarios/tunables.rs",
            "[\"--config\", CONFIG]",
            Some("tunables"),
        ),
    ),
    (
        "--profile",
        Shown(
            PARSER,
            "fn flags_come_before_the_file_and_the_file_before_the_profile",
            None,
        ),
    ),
    (
        "--prefer-cpus",
        Shown(
            "tests/vm/src/scenarios/prefer.rs",
            "--prefer-cpus",
            Some("prefer"),
        ),
    ),
    (
        "--no-input-probe",
        Shown(
            "tests/vm/src/scenarios/no_probe.rs",
            "flags.push(\"--no-input-probe\")",
            Some("no_probe"),
        ),
    ),
    (
        "--no-display-probe",
        Shown(
            "tests/vm/src/scenarios/submitter.rs",
            "&[\"--no-display-probe\"]",
            Some("submitter"),
        ),
    ),
    (
        "--no-exec-probe",
        Shown(
            "tests/vm/src/scenarios/flags.rs",
            "(\"--no-exec-probe\", ",
            Some("flags"),
        ),
    ),
    (
        "--no-lock-probe",
        Shown(
            "tests/vm/src/scenarios/locks.rs",
            "&[\"--no-lock-probe\"]",
            Some("locks"),
        ),
    ),
    (
        "--verbose",
        Shown(
            "tests/vm/src/scenarios/flags.rs",
            "flags.push(\"--verbose\")",
            Some("flags"),
        ),
    ),
    (
        "--clear-latch",
        Shown(
            "tests/vm/src/latch.rs",
            "arg(\"--clear-latch\")",
            Some("ejection"),
        ),
    ),
    (
        "--exit-dump-len",
        Shown(
            "tests/vm/src/scenarios/stall.rs",
            "\"--exit-dump-len\"",
            Some("stall"),
        ),
    ),
    (
        "--relaxed-maps",
        Shown(PARSER, "fn libbpf_gets_its_options", None),
    ),
    (
        "--pin-root-path",
        Shown(PARSER, "fn libbpf_gets_its_options", None),
    ),
    (
        "--kconfig",
        Shown(PARSER, "fn libbpf_gets_its_options", None),
    ),
    (
        "--btf-custom-path",
        Shown(
            "tests/vm/src/scenarios/flags.rs",
            "[\"--btf-custom-path\", NOWHERE]",
            Some("flags"),
        ),
    ),
    (
        "--bpf-token-path",
        Shown(PARSER, "fn libbpf_gets_its_options", None),
    ),
];

fn read(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(root.join(name)).expect(name)
}

/// The first word of each line that begins an option.
fn flags_of(help: &str) -> BTreeSet<String> {
    let long = |line: &str| {
        let line = line.trim_start();
        let line = line
            .split_once(", ")
            .filter(|(short, _)| short.len() == 2)
            .map_or(line, |(_, rest)| rest);
        let end = line.find(|c: char| c != '-' && !c.is_ascii_alphanumeric());
        line.starts_with("--")
            .then(|| line[..end.unwrap_or(line.len())].to_string())
    };
    help.lines().filter_map(long).collect()
}

/// What is wrong with where a flag is said to be shown.
fn complaint(flag: &str, Shown(file, text, scenario): &Shown, jobs: &str) -> Option<String> {
    if !read(file).contains(text) {
        return Some(format!("{flag}: {file} has no `{text}`"));
    }
    let runs = |s: &str| jobs.contains(&format!("\"{s}\""));
    let scenario = scenario.filter(|s| !runs(s))?;
    Some(format!("{flag}: no job runs {scenario}"))
}

#[test]
fn every_flag_is_shown_by_a_test() {
    assert_eq!(
        flags_of("  -v, --all...\n      --no-b <X>\n  --c\n some --d"),
        ["--all", "--c", "--no-b"].map(String::from).into()
    );
    let out = Command::new(env!("CARGO_BIN_EXE_scx_photon"))
        .arg("--help")
        .output()
        .unwrap();
    let flags = flags_of(&String::from_utf8(out.stdout).unwrap());
    let (cases, jobs) = (read(CASES), read(JOBS));
    let is_case =
        |flag: &str| cases.contains(&format!("\nCASE({})\n", flag[2..].replace('-', "_")));
    let listed = |flag: &str| FLAGS.iter().any(|(name, _)| *name == flag);
    let missing: Vec<_> = flags
        .iter()
        .filter(|f| !is_case(f) && !listed(f))
        .filter(|f| *f != "--sabotage")
        .collect();
    assert!(missing.is_empty(), "shown by no test: {missing:?}");
    let gone: Vec<_> = FLAGS
        .iter()
        .filter(|(name, _)| !flags.contains(*name))
        .map(|(n, _)| n)
        .collect();
    assert!(gone.is_empty(), "no flags any more: {gone:?}");
    let wrong: Vec<_> = FLAGS
        .iter()
        .filter_map(|(name, shown)| complaint(name, shown, &jobs))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The table's checker finds what it is there to find.
#[test]
fn a_test_that_is_gone_is_noticed() {
    let jobs = "test(\"look\", &[], 120)";
    let sample = Shown(PROGRAM, "fn help_names_every_exit_code", Some("look"));
    assert_eq!(complaint("--x", &sample, jobs), None);
    for wrong in [
        Shown(PROGRAM, concat!("fn gone", "_test"), None),
        Shown(PROGRAM, "fn stdout", Some("gone")),
    ] {
        assert!(complaint("--x", &wrong, jobs).is_some());
    }
}
