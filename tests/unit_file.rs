// SPDX-License-Identifier: GPL-2.0-only
//! The systemd unit: how exposed the service is, by systemd's own judgement, and that no documented exit code restarts it
//! into the same failure. Without systemd-analyze the first is not tested, and says so.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use photon_bench::untested::untested;
use std::process::Command;

const UNIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/dist/scx_photon.service");
/// In tenths: what systemd calls OK ends at 4.9. What is left are root, which bpf() wants, CAP_BPF and CAP_PERFMON.
const EXPOSURE_MAX: &str = "20";

fn analyze(unit: &str) -> Option<std::process::Output> {
    let out = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(format!("--threshold={EXPOSURE_MAX}"))
        .arg(unit)
        .output();
    out.ok()
}

/// Of `scx_photon compare`.
const COMPARE: u8 = 9;

#[test]
fn the_unit_is_hardened() {
    let Some(out) = analyze(UNIT) else {
        untested("no systemd-analyze");
        return;
    };
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    if said.contains("--offline") || said.contains("--threshold") {
        untested("this systemd-analyze is too old");
        return;
    }
    assert!(
        out.status.success(),
        "too exposed: {}{said}",
        text.lines().last().unwrap_or_default()
    );
    // Seen to fail: the same unit without one of its protections.
    let weaker = std::fs::read_to_string(UNIT)
        .unwrap()
        .replace("CapabilityBoundingSet=", "#");
    let weaker = weaker.replace("SystemCallFilter=", "#");
    let path = std::env::temp_dir().join(format!("photon-{}.service", std::process::id()));
    std::fs::write(&path, weaker).unwrap();
    let failed = !analyze(path.to_str().unwrap()).unwrap().status.success();
    std::fs::remove_file(&path).unwrap();
    assert!(failed, "the unit without its filters was not noticed");
}

/// The codes of `--help` from 2 on are answers that another start would not change; 9 is never a service's.
#[test]
fn no_answer_is_asked_for_twice() {
    let unit = std::fs::read_to_string(UNIT).unwrap();
    let line = unit
        .lines()
        .find_map(|l| l.strip_prefix("RestartPreventExitStatus="))
        .unwrap();
    let listed: Vec<u8> = line.split(' ').map(|c| c.parse().unwrap()).collect();
    let help = Command::new(env!("CARGO_BIN_EXE_scx_photon"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let section = help.split_once("Exit codes:").unwrap().1;
    let documented: Vec<u8> = (2..=99)
        .filter(|c| *c != COMPARE)
        .filter(|c| section.contains(&format!(" {c}  ")))
        .collect();
    assert_eq!(listed, documented);
}

/// What it must find again after a restart is where it may write.
#[test]
fn the_latch_outlives_the_service() {
    let unit = std::fs::read_to_string(UNIT).unwrap();
    let dirs = unit
        .lines()
        .find_map(|l| l.strip_prefix("RuntimeDirectory="))
        .unwrap();
    assert!(dirs.split(' ').any(|d| d == "scx_photon"), "{dirs}");
    assert!(unit.contains("\nRuntimeDirectoryPreserve=yes\n"));
}

/// Or a start that ends with 6, 7 or 10 would be a success.
#[test]
fn a_start_is_over_when_it_is_attached() {
    let unit = std::fs::read_to_string(UNIT).unwrap();
    assert!(unit.lines().any(|l| l == "Type=notify"), "{unit}");
}
