// SPDX-License-Identifier: GPL-2.0-only
//! What must compile, what must not, and what must fail: the policy headers and
//! their sabotage twins, by the compiler the build uses.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The compiler, found as the build finds it.
fn clang(args: &[&str]) -> Output {
    Command::new(root().join("xtask/clang"))
        .args(args)
        .current_dir(root())
        .output()
        .unwrap()
}

fn compiles_alone(path: &str, more: &[&str]) -> Result<(), String> {
    let mut args = vec![
        "-std=gnu11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-unused-function",
    ];
    args.extend(["-fsyntax-only", "-x", "c", "-Isrc/bpf"]);
    args.extend(more);
    args.push(path);
    let run = clang(&args);
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    if run.status.success() {
        Ok(())
    } else {
        Err(format!("{path} {more:?}: {said}"))
    }
}

/// A C file in a directory of its own that goes away with it.
fn with_sample<T>(name: &str, text: &str, f: impl FnOnce(&str) -> T) -> T {
    let dir = std::env::temp_dir().join(format!("photon-style-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("sample.h");
    std::fs::write(&path, text).unwrap();
    let result = f(path.to_str().unwrap());
    std::fs::remove_dir_all(&dir).unwrap();
    result
}

#[test]
fn policy_headers_compile_alone() {
    let bad = "static inline u64 f(void)\n{\n\treturn 0;\n}\n";
    assert!(with_sample("alone", bad, |p| compiles_alone(p, &[])).is_err());
    let mut complaints = Vec::new();
    let mut headers = 0;
    for entry in std::fs::read_dir(root().join("src/bpf/policy")).unwrap() {
        let header = entry.unwrap().path();
        headers += 1;
        for target in [&[][..], &["-target", "bpf"]] {
            complaints.extend(compiles_alone(header.to_str().unwrap(), target).err());
        }
    }
    assert!(headers > 0, "no policy header");
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_moved_field_does_not_compile() {
    for header in ["src/bpf/policy/task.h", "src/bpf/intf.h"] {
        compiles_alone(header, &[]).unwrap();
        let error = compiles_alone(header, &["-DPHOTON_SABOTAGE_LAYOUT"]).unwrap_err();
        assert!(
            error.contains("sabotage: this assertion must fail"),
            "{error}"
        );
    }
}

/// Every tunable has a case in `tests/policy/tunables.c`, or that does not compile.
#[test]
fn a_tunable_without_a_case_does_not_compile() {
    let cases = "tests/policy/tunables.c";
    compiles_alone(cases, &[]).unwrap();
    let error = compiles_alone(cases, &["-DPHOTON_SABOTAGE_TUNABLE"]).unwrap_err();
    assert!(
        error.contains("'case_forgotten_us' has internal linkage but is not defined"),
        "{error}"
    );
}

/// The simulation with one class whose bound does not hold.
fn build_sabotaged(class: &str, program: &Path) {
    let sabotage = format!("-DSABOTAGE_BOUND={class}");
    let built = clang(&[
        "-O1",
        "-Isrc/bpf",
        &sabotage,
        "tests/policy/sim_bound.c",
        "-o",
        program.to_str().unwrap(),
    ]);
    assert!(
        built.status.success(),
        "{class}: {}",
        String::from_utf8_lossy(&built.stderr)
    );
}

/// The simulation finds a bound that does not hold, says whose it is, and finds it within
/// a second of CPU time, after which it is killed. Not of the class game: nobody plays there.
#[test]
fn a_sabotaged_bound_is_found() {
    let dir = std::env::temp_dir().join(format!("photon-style-{}-bound", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let program = dir.join("sim_bound");
    for (class, complaint) in [
        ("CLASS_INPUT", "input waited <="),
        ("CLASS_KERNEL", "kernel waited <="),
        ("CLASS_FRAME", "frame waited <="),
        ("CLASS_FAIR", "fair waited <="),
        ("CLASS_BATCH", "batch waited <="),
    ] {
        build_sabotaged(class, &program);
        let run = Command::new("sh")
            .args(["-c", "ulimit -t 1 && exec \"$0\""])
            .arg(&program)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(!run.status.success(), "{class}: not noticed");
        assert!(
            said.contains(complaint),
            "{class}: failed for another reason: {said}"
        );
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
