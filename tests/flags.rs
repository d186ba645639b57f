// SPDX-License-Identifier: GPL-2.0-only
//! Every flag of the daemon has a test that shows what it does. Tunables have theirs in `tests/policy/tunables.c`, by
//! name; of the others the table here says which it is. A flag without one, and a test that is gone, fail.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const CASES: &str = "tests/policy/tunables.c";
const JOBS: [&str; 2] = ["xtask/src/jobs.rs", "xtask/src/twins.rs"];
const PROGRAM: &str = "tests/cli.rs";
const PARSER: &str = "src/cli.rs";
const LIBBPF: &str = "src/libbpf.rs";

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
        Shown(LIBBPF, "fn libbpf_gets_its_options", None),
    ),
    (
        "--pin-root-path",
        Shown(LIBBPF, "fn libbpf_gets_its_options", None),
    ),
    (
        "--kconfig",
        Shown(LIBBPF, "fn libbpf_gets_its_options", None),
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
        Shown(LIBBPF, "fn libbpf_gets_its_options", None),
    ),
];

/// The same of the subcommands: the flag, the file, the scenario or none, and what the file says. No job runs
/// `player_bench`, which is too long for every change: it is run by hand, `cargo xtask vm -- player_bench`.
const SUBCOMMAND_FLAGS: &str = r#"
check --json | tests/cli.rs | - | "check", "--json"
check --config | tests/cli.rs | - | "check", "--config", path
bench --profile | tests/vm/src/scenarios/player_bench.rs | - | "--profile",
bench --background | tests/vm/src/scenarios/player_bench.rs | - | "--background",
bench --seconds | tests/vm/src/scenarios/player_bench.rs | - | "--seconds",
bench --settle | tests/vm/src/scenarios/player_bench.rs | - | "--settle",
bench --runs | tests/vm/src/scenarios/player_bench.rs | - | "--runs",
bench --logs | tests/vm/src/scenarios/player_bench.rs | - | "--logs",
bench --control | tests/vm/src/scenarios/player_bench.rs | - | "--control"
bench --html | tests/vm/src/scenarios/player_bench.rs | - | "--html",
bench --json | tests/vm/src/scenarios/player_bench.rs | - | "bench", "--json"
compare --a | tests/compare.rs | - | "--a", LOG, LOG
compare --b | tests/compare.rs | - | "--b", LOG]
compare --names | tests/compare.rs | - | "--names", "before"
compare --metric | tests/compare.rs | - | "--metric", "fps_avg"
compare --html | tests/compare.rs | - | "--html", file
compare --json | tests/compare.rs | - | LOGS, LOGS, "--json"
set --json | tests/vm/src/effects.rs | tunables | self.ask(&["--json"]
games --json | tests/cli.rs | - | "games", "--json", "--config"
games --config | tests/cli.rs | - | "games", "--json", "--config"
status --json | tests/cli.rs | - | "status", "--json"
why --json | tests/vm/src/scenarios/why.rs | why | ask(&["--json"])
why --details | src/why/command.rs | - | fn details_are_below_each_stutter
top --replay | tests/vm/src/scenarios/look.rs | look | "top", "--replay"
record --every | tests/vm/src/scenarios/look.rs | look | "--every",
record --seconds | tests/vm/src/scenarios/look.rs | look | "--seconds",
replay --json | src/recording.rs | - | fn a_replay_in_json_is_nothing_else
report --yes | tests/vm/src/scenarios/look.rs | look | "report", REPORT, "--yes"
"#;

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

/// The scenarios of the jobs: what `test` names first, the others after the job's own name.
fn scenarios_run(jobs: &str) -> BTreeSet<&str> {
    let of = |form: &'static str, place: usize| {
        let calls = jobs.split(form).skip(1);
        calls.filter_map(move |call| call.split('"').skip(1).step_by(2).nth(place))
    };
    let named = of("named(", 1).chain(of("twin(", 1));
    of("test(", 0).chain(named).collect()
}

/// What is wrong with where a flag is said to be shown.
fn complaint(flag: &str, Shown(file, text, scenario): &Shown, jobs: &str) -> Option<String> {
    if !read(file).contains(text) {
        return Some(format!("{flag}: {file} has no `{text}`"));
    }
    let scenario = scenario.filter(|s| !scenarios_run(jobs).contains(s))?;
    Some(format!("{flag}: no job runs {scenario}"))
}

fn subcommand_table() -> Vec<(&'static str, Shown)> {
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split(" | ").collect();
        let [flag, file, scenario, text] = cells[..] else {
            panic!("{line}");
        };
        (
            flag,
            Shown(file, text, Some(scenario).filter(|s| *s != "-")),
        )
    };
    SUBCOMMAND_FLAGS.trim().lines().map(row).collect()
}

fn help(args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scx_photon"));
    let out = command.args(args).arg("--help").output().unwrap();
    assert!(out.status.success(), "{args:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// `SUBCOMMAND --flag`, as the help of the subcommands has them.
fn subcommand_flags() -> BTreeSet<String> {
    let all = help(&[]);
    let list = all.split_once("\nCommands:\n").unwrap().1;
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What a name says may go on in the next line, further in.
    let names = lines.filter_map(|l| l.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !["", "help"].contains(name));
    let flags = |name: &str| {
        let flags = flags_of(&help(&[name])).into_iter();
        let flags = flags.filter(|f| f != "--help");
        flags.map(|f| format!("{name} {f}")).collect::<Vec<_>>()
    };
    names.flat_map(flags).collect()
}

/// What a table says wrong about the flags that there are.
fn complaints(flags: &BTreeSet<String>, table: &[(&str, Shown)]) -> Vec<String> {
    let jobs = JOBS.map(read).concat();
    let listed = |flag: &str| table.iter().any(|(name, _)| *name == flag);
    let missing = flags.iter().filter(|f| !listed(f));
    let mut all: Vec<_> = missing.map(|f| format!("{f}: no test shows it")).collect();
    for (name, shown) in table {
        if !flags.contains(*name) {
            all.push(format!("{name}: no flag any more"));
        }
        all.extend(complaint(name, shown, &jobs));
    }
    all
}

#[test]
fn every_flag_is_shown_by_a_test() {
    assert_eq!(
        flags_of("  -v, --all...\n      --no-b <X>\n  --c\n some --d"),
        ["--all", "--c", "--no-b"].map(String::from).into()
    );
    let cases = read(CASES);
    let is_case =
        |flag: &str| cases.contains(&format!("\nCASE({})\n", flag[2..].replace('-', "_")));
    let mut flags = flags_of(&help(&[]));
    flags.retain(|f| !is_case(f) && f != "--sabotage");
    let wrong = complaints(&flags, FLAGS);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_flag_of_a_subcommand_is_shown_by_a_test() {
    let flags = subcommand_flags();
    let wrong = complaints(&flags, &subcommand_table());
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
    // A job's own name and its arguments run nothing.
    let jobs = "named(\n    \"look\",\n    \"why\",\n    &[\"look\"],\n    60,\n), twin(\"look\", \"family\", &[], \"look\")";
    assert!(complaint("--x", &sample, jobs).is_some());
    assert_eq!(scenarios_run(jobs), ["family", "why"].into());
    let flags = ["top --new".to_string()].into();
    assert_eq!(complaints(&flags, &[]), ["top --new: no test shows it"]);
    assert!(!complaints(&BTreeSet::new(), &subcommand_table()).is_empty());
}
