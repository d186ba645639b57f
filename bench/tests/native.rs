// SPDX-License-Identifier: GPL-2.0-only
//! The program on this machine's own kernel. Times mean nothing here; that everything starts,
//! counts, ends and is put back does.

// A failed assumption of a helper is a failed test.
#![allow(clippy::unwrap_used)]

use photon_bench::sys::sched::{Policy, set_policy};
use photon_bench::untested::untested;
use serde_json::Value;
use std::process::{Command, Output};

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_photon-bench"));
    command.args(args).output().unwrap()
}

/// Of a real-time policy; any one tells whether there may be one.
const LOWEST_PRIORITY: i32 = 1;

/// Real-time policies need CAP_SYS_NICE, which root of a container may lack; without it these tests have nothing to say.
fn has_realtime() -> bool {
    // On a thread, which takes the policy with it.
    let tried = std::thread::spawn(|| set_policy(Policy::Fifo(LOWEST_PRIORITY)));
    match tried.join().unwrap() {
        Ok(()) => true,
        Err(e) => {
            untested(&format!(
                "no real-time policy: {e}; run it with CAP_SYS_NICE"
            ));
            false
        }
    }
}

fn json(output: &Output) -> Value {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn run(args: &[&str]) -> Value {
    let common = ["run", "--seconds", "0.5", "--settle", "0.3", "--json", "-"];
    json(&bench(&[&common, args].concat()))
}

#[test]
fn demo_counts_input_frames_and_work() {
    if !has_realtime() {
        return;
    }
    let report = json(&bench(&["demo", "--seconds", "0.5", "--json"]));
    assert!(report["input_us"]["count"].as_u64().unwrap() > 300);
    assert!(report["frame_ms"]["frames"].as_u64().unwrap() > 0);
    assert!(report["work"]["hogs"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_cell_reports_frames_roles_and_backgrounds() {
    if !has_realtime() {
        return;
    }
    let report = run(&[
        "--profile",
        "144",
        "--background",
        "compile:1,hogs:1,ipc:2",
        "--rename",
        "worker",
    ]);
    let due = report["metrics"]["frames_due"].as_f64();
    assert_eq!(due, Some(72.0), "144 Hz for half a second");
    assert_eq!(report["frames"]["number"].as_array().unwrap().len(), 72);
    for class in ["compile", "hogs", "ipc"] {
        assert!(
            report["backgrounds"][class]["cpu_s"].as_f64().unwrap() > 0.0,
            "{class}"
        );
    }
    assert!(report["roles"]["game/worker"]["runs"].as_u64().unwrap() > 0);
}

#[test]
fn the_seed_of_the_command_line_chooses_the_work() {
    if !has_realtime() {
        return;
    }
    let ideal = |seed| run(&["--profile", "chain", "--seed", seed])["frames"]["ideal_us"].clone();
    assert_eq!(ideal("1"), ideal("1"));
    assert_ne!(ideal("1"), ideal("2"));
}

#[test]
fn mistakes_end_with_one_line() {
    for args in [
        &["run", "--profile", "nope"][..],
        &["run", "--background", "hgos"],
        &["run", "--seconds", "0"],
        &["cells", "--list", "/nonexistent"],
    ] {
        let output = bench(args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success());
        assert_eq!(text.lines().count(), 1, "{args:?}: {text}");
        assert!(text.starts_with("photon-bench: "), "{text}");
    }
}
