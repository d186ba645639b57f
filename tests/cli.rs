// SPDX-License-Identifier: GPL-2.0-only
//! The program from outside: exit codes, golden error lines, help. Everything that needs no kernel with sched_ext, and
//! what needs one without it where the machine is such; the rest runs in the test machine (`faults`).
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

mod common;

use common::cover;
use photon_bench::untested::untested;
use std::ffi::CStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

const NOBODY: u32 = 65534;
const SCHED_EXT: &str = "/sys/kernel/sched_ext";
const BTF_DIR: &CStr = c"/sys/kernel/btf";
const NO_SCHED_EXT: &str = "scx_photon: this kernel has no sched_ext; boot Linux 6.12 or newer built with CONFIG_SCHED_CLASS_EXT=y\n";
const NO_BTF: &str = "scx_photon: this kernel has no BTF (/sys/kernel/btf/vmlinux); boot one built with CONFIG_DEBUG_INFO_BTF=y\n";

fn photon(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scx_photon"));
    command.args(args);
    command
}

fn run(args: &[&str]) -> Output {
    photon(args).output().expect("starts")
}

fn stdout(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

fn has_sched_ext() -> bool {
    let there = Path::new(SCHED_EXT).exists();
    if there {
        untested("this kernel has sched_ext");
    }
    there
}

fn is_root() -> bool {
    // SAFETY: no arguments, cannot fail.
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn without_sched_ext_it_says_what_to_boot() {
    if has_sched_ext() || !Path::new("/sys/kernel/btf/vmlinux").exists() {
        return;
    }
    let out = run(&[]);
    assert_eq!(stderr(&out), NO_SCHED_EXT);
    assert_eq!((out.status.code(), stdout(&out).as_str()), (Some(4), ""));
}

/// None where that cannot be tried.
fn run_without_btf(args: &[&str]) -> Option<Output> {
    let mut command = photon(args);
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(|| cover(BTF_DIR, c"tmpfs", Some(c"tmpfs"), 0)) };
    let covered = |e| untested(&format!("{BTF_DIR:?} cannot be covered: {e}"));
    command.output().map_err(covered).ok()
}

#[test]
fn without_btf_it_says_what_to_boot() {
    let Some(out) = run_without_btf(&[]) else {
        return;
    };
    assert_eq!(stderr(&out), NO_BTF);
    assert_eq!(out.status.code(), Some(5));
}

/// Where `check` and `report` are what somebody looks with.
#[test]
fn without_btf_check_and_report_answer() {
    let Some(out) = run_without_btf(&["check"]) else {
        return;
    };
    let said = stdout(&out);
    assert_eq!((out.status.code(), stderr(&out).as_str()), (Some(1), ""));
    assert!(said.contains("It cannot run here: this kernel has no BTF"));
    assert!(said.contains("  no   GPU fences: "), "{said}");
    // It has listed what it would write, and there is nobody to agree.
    let out = run_without_btf(&["report", "/no/such/dir/a.tar"]).expect("as before");
    assert_eq!(out.status.code(), Some(2), "{}", stderr(&out));
    assert!(stderr(&out).ends_with("--yes writes without asking\n"));
    assert!(stdout(&out).contains("capabilities.json"), "{out:?}");
}

#[test]
fn not_root_is_one_line() {
    let mut command = photon(&[]);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let out = match command.output() {
        Ok(out) => out,
        Err(e) => return untested(&format!("the build is not readable by others: {e}")),
    };
    let text = stderr(&out);
    let code = if Path::new(SCHED_EXT).exists() { 3 } else { 4 };
    assert_eq!(out.status.code(), Some(code), "{text}");
    assert!(
        text.starts_with("scx_photon: ") && text.lines().count() == 1,
        "{text}"
    );
}

#[test]
fn check_says_no_and_why() {
    if has_sched_ext() {
        return;
    }
    let out = run(&["check"]);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(stderr(&out), "");
    assert!(
        stdout(&out).contains("It cannot run here: this kernel has no"),
        "{}",
        stdout(&out)
    );
    let out = run(&["check", "--json"]);
    assert_eq!(out.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_str(&stdout(&out)).expect("JSON");
    assert_eq!(report["runs"], false);
    assert!(report["why_not"].is_string() && report["layout"].is_null());
    assert!(
        report["capabilities"]
            .as_array()
            .is_some_and(|c| !c.is_empty())
    );
}

#[test]
fn the_status_is_json_where_it_is_asked_for() {
    let out = run(&["status", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&stdout(&out)).expect("JSON");
    let state = report["state"].as_str();
    assert_eq!(state.is_some(), Path::new(SCHED_EXT).exists(), "{report}");
    assert_eq!(run(&["status"]).status.code(), out.status.code());
}

#[test]
fn monitor_without_a_daemon_is_one_line() {
    if Path::new("/var/run/scx/root/stats").exists() {
        return untested("some scheduler runs here");
    }
    let out = run(&["--monitor", "1"]);
    let text = stderr(&out);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        text.starts_with("scx_photon: no scx_photon to monitor"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

fn is_bad_usage(args: &[&str]) {
    let out = run(args);
    assert_eq!(out.status.code(), Some(2), "{args:?}: {}", stderr(&out));
    assert!(
        stderr(&out).starts_with("error: "),
        "{args:?}: {}",
        stderr(&out)
    );
    assert_eq!(stdout(&out), "", "{args:?}");
}

/// Of the other flags; `bad_values.rs` has the tunables.
#[test]
fn bad_values_are_refused() {
    for flag in ["--stats", "--monitor"] {
        for value in ["0", "-1", "x", "nan", "1e9"] {
            is_bad_usage(&[&format!("{flag}={value}")]);
        }
    }
    for value in ["x", "1023", "16777217"] {
        is_bad_usage(&[&format!("--exit-dump-len={value}")]);
    }
    for value in ["", "all", "0,", "1-0", "0-512", "-1"] {
        is_bad_usage(&[&format!("--prefer-cpus={value}")]);
    }
}

/// Not to be known before the machine is looked at, and said in one line as well.
#[test]
fn absent_cpus_are_refused() {
    let out = run(&["--prefer-cpus", "0,511"]);
    let error = stderr(&out);
    assert_eq!(out.status.code(), Some(2), "{error}");
    let wanted = "scx_photon: --prefer-cpus 0,511: CPUs 511 are not online; online are 0";
    assert!(error.starts_with(wanted), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn bad_usage_is_refused() {
    is_bad_usage(&["--no-such-flag"]);
    is_bad_usage(&["nonsense"]);
    is_bad_usage(&["--stats", "1", "--monitor", "1"]);
    is_bad_usage(&["--stats"]);
    is_bad_usage(&["--kconfig", "/no/such"]);
}

/// Before it asks for root or a kernel, and before any run.
#[test]
fn bench_tells_at_once_what_was_typed_wrong() {
    for (args, why) in [
        (&["--profile", "nope"][..], "no profile 'nope'; there are: "),
        (&["--background", "nope"], "no background 'nope'; there are"),
        (&["--background", "hogs:x"], "the amount of 'x' in "),
        (&["--", "--nope"], "behind `--`: unexpected argument '--nop"),
    ] {
        let out = photon(&["bench"]).args(args).output().expect("starts");
        let said = stderr(&out);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {said}");
        let wanted = format!("scx_photon: {why}");
        assert!(said.starts_with(&wanted), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// With the `--` and, because a game must start even if it is forgotten, without.
#[test]
fn run_becomes_the_command() {
    for args in [
        &["run", "--", "echo", "-n", "--json"][..],
        &["run", "echo", "-n", "--json"],
        &["run", "--json", "echo", "-n", "--json"],
    ] {
        let out = run(args);
        assert_eq!(stdout(&out), "--json", "{args:?}: {}", stderr(&out));
        assert_eq!(out.status.code(), Some(0), "{args:?}");
    }
    is_bad_usage(&["run"]);
    let out = run(&["run", "--", "/no/such/game"]);
    assert_eq!(
        stderr(&out),
        "scx_photon: /no/such/game: No such file or directory (os error 2)\n"
    );
}

#[test]
fn a_flag_that_would_change_nothing_is_refused() {
    let file = std::env::temp_dir().join(format!("photon-idle-{}.toml", std::process::id()));
    std::fs::write(&file, "").unwrap();
    let path = file.to_str().unwrap();
    for (args, why) in [
        (&["metrics", "--json"][..], "has no JSON"),
        (&["report", "--json"], "has no JSON"),
        (&["--json", "metrics"], "has no JSON"),
        (&["--json"], "without --stats or --monitor"),
        (&["top", "--config", path], "reads no configuration\n"),
        (&["why", "--config", "/no/such"], "reads no configuration\n"),
        (&["--monitor", "1", "--config", path], "no configuration\n"),
        (&["bench", "--config", path], "bench -- --config FILE"),
        (&["--clear-latch", "--config", path], "no configuration\n"),
        (&["--monitor", "1", "--slice-us", "2000"], "--monitor does"),
        (&["--monitor", "1", "--clear-latch"], "--clear-latch does"),
        (
            &["--help-stats", "--profile", "server"],
            "--help-stats does",
        ),
    ] {
        let out = run(args);
        assert_eq!(out.status.code(), Some(2), "{args:?}: {}", stderr(&out));
        assert!(stderr(&out).starts_with("scx_photon: --"), "{args:?}");
        assert_eq!(stderr(&out).lines().count(), 1, "{args:?}");
        assert!(stderr(&out).contains(why), "{args:?}: {}", stderr(&out));
    }
    let out = run(&["games", "--json", "--config", path]);
    assert_eq!(out.status.code(), Some(0), "{}", stderr(&out));
    std::fs::write(&file, "prefer_cpus = \"0,511\"\n").unwrap();
    let absent = "0,511: CPUs 511 are not online";
    let out = run(&["check", "--config", path]);
    assert!(!stdout(&out).contains(absent), "{out:?}");
    assert!(stderr(&out).contains(absent), "{out:?}");
    let out = run(&["--prefer-cpus", "0,511", "check"]);
    assert!(stdout(&out).contains(absent), "{out:?}");
    std::fs::remove_file(&file).unwrap();
    let help = |command: &str| stdout(&run(&[command, "--help"]));
    for flag in ["--json", "--config"] {
        assert!(help("games").contains(flag) && !help("metrics").contains(flag));
    }
}

/// What breaks the scheduler on purpose is no part of what is shipped.
#[cfg(not(feature = "sabotage"))]
#[test]
fn the_product_has_no_sabotage() {
    is_bad_usage(&["--sabotage", "no-preempt"]);
    assert!(!stdout(&run(&["--help"])).contains("sabotage"));
}

#[test]
fn help_names_every_exit_code() {
    let out = run(&["--help"]);
    let text = stdout(&out);
    assert_eq!((out.status.code(), stderr(&out).as_str()), (Some(0), ""));
    let section = text
        .split_once("Exit codes:")
        .expect("a section of exit codes")
        .1;
    for code in 0..=10 {
        assert!(section.contains(&format!(" {code}  ")), "{code}: {section}");
    }
}

/// As the README does: else who gives a container its share takes it for a defect.
#[test]
fn help_names_what_of_cgroups_does_not_count() {
    let text = stdout(&run(&["--help"]));
    let line = text.lines().find(|line| line.contains("cgroups"));
    let line = line.unwrap_or_else(|| panic!("no cgroups: {text}"));
    for name in ["Not followed", "cpu.weight", "cpu.max"] {
        assert!(line.contains(name), "{name}: {line}");
    }
}

#[test]
fn help_stats_and_version_need_nothing() {
    let out = run(&["--help-stats"]);
    assert_eq!((out.status.code(), stderr(&out).as_str()), (Some(0), ""));
    for name in [
        "Counters:",
        "  wakeups ",
        "  rings[N].drops ",
        "  input_delay_us.p99 ",
    ] {
        assert!(stdout(&out).contains(name), "{name}");
    }
    let out = run(&["--version"]);
    assert_eq!(out.status.code(), Some(0));
    let expected = format!("scx_photon {}", env!("CARGO_PKG_VERSION"));
    assert!(stdout(&out).starts_with(&expected), "{}", stdout(&out));
}
