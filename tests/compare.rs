// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon compare` from outside, on the corpus of hand-made logs.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const LOG: &str = "bench/tests/logs/good/mangohud.csv";
const LOGS: &str = "bench/tests/logs/good";
const CUT: &str = "bench/tests/logs/bad/cut_in_row.csv";

fn compare(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scx_photon"))
        .arg("compare")
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("starts")
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn the_same_logs_on_both_sides_are_no_difference() {
    let out = compare(&[LOGS, LOGS, "--names", "before", "after"]);
    assert_eq!(
        (out.status.code(), said(&out.stderr).as_str()),
        (Some(0), "")
    );
    let text = said(&out.stdout);
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with("No difference between before and after in frame time p99 is shown: "),
        "{text}"
    );
    assert!(text.contains("before: 8 runs, 96 frames"), "{text}");
    assert!(
        !text.contains("better") && !text.contains("worse"),
        "{text}"
    );
}

#[test]
fn too_few_runs_are_said() {
    let out = compare(&["--a", LOG, LOG, "--b", LOG]);
    let text = said(&out.stdout);
    assert_eq!(out.status.code(), Some(0));
    assert!(
        text.contains("Too few runs to tell B from A (2 and 1 runs"),
        "{text}"
    );
}

#[test]
fn json_and_page() {
    let page = scratch("compare.html");
    let file = page.to_str().unwrap();
    let out = compare(&[LOGS, LOGS, "--json", "--html", file, "--metric", "fps_avg"]);
    let json: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(json["a"]["runs"].as_array().unwrap().len(), 8);
    assert!(json["verdict"].as_str().unwrap().contains("in average fps"));
    assert!(std::fs::read_to_string(&page).unwrap().contains("<svg"));
}

#[test]
fn a_log_that_cannot_be_used_is_one_line_and_code_9() {
    let cases = [
        (
            CUT,
            ":15: 3 of 16 columns: cut off, or another log begins here\n",
        ),
        (
            "/nonexistent.csv",
            ": No such file or directory (os error 2)\n",
        ),
        ("src/bpf", ": no .csv or .json log in this directory\n"),
        (
            "Cargo.toml",
            ":1: no log of MangoHud, PresentMon or CapFrameX begins like this\n",
        ),
    ];
    for (bad, words) in cases {
        let out = compare(&[LOGS, bad]);
        assert_eq!(out.status.code(), Some(9), "{bad}");
        assert_eq!(said(&out.stderr), format!("scx_photon: {bad}{words}"));
        assert_eq!(said(&out.stdout), "");
    }
}

#[test]
fn bad_usage_is_code_2() {
    for bad in [
        &[][..],
        &[LOG],
        &[LOG, LOG, LOG],
        &["--a", LOG],
        &[LOG, LOG, "--a", LOG],
        &[LOG, LOG, "--metric", "nope"],
        &[LOG, LOG, "--names", "one"],
    ] {
        assert_eq!(compare(bad).status.code(), Some(2), "{bad:?}");
    }
}
