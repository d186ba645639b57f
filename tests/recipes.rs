// SPDX-License-Identifier: GPL-2.0-only
//! Recipes of CONTRIBUTING.md replayed in a copy of the BPF sources: the step that is promised to be one line is one
//! line. The recipes for probes, classes and events need a kernel to be replayed; `tests/documents.rs` holds their
//! names and paths.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(std::fs::copy(&path, &target).unwrap()),
        }
    }
}

/// A copy of `src/bpf` to play in.
fn sources(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    copy(&root().join("src/bpf"), &dir);
    dir
}

fn append(file: &Path, text: &str) {
    let old = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, old + text).unwrap();
}

/// What clang says about C that sees the copy; an error is its text.
fn clang(dir: &Path, args: &[&str], code: &str) -> Result<String, String> {
    let file = dir.join("sample.c");
    std::fs::write(&file, code).unwrap();
    let out = Command::new(root().join("xtask/clang"))
        .args([
            "-std=gnu11",
            "-Wall",
            "-Werror",
            "-Wno-unused-function",
            "-I",
        ])
        .arg(dir)
        .args(args)
        .arg(&file)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match out.status.success() {
        true => Ok(text(&out.stdout)),
        false => Err(text(&out.stderr)),
    }
}

/// The lists as `build.rs` turns them into tables of the command line and the statistics.
fn tables(dir: &Path) -> String {
    let code = "#define TUNABLE(n, dfl, lo, hi, u, h) flag #n dfl lo hi u h\n\
        #define COUNTER(n, h) field #n h\n\
        #include \"tunables.def.h\"\n#include \"counters.def.h\"\n";
    clang(dir, &["-E", "-P"], code).unwrap()
}

#[test]
fn a_tunable_is_one_line_and_a_use() {
    let dir = sources("tunable");
    let uses = "#include \"policy/deadline.h\"\nu64 f(const struct tunables *pr)\n{\n\treturn us_to_ns(pr->recipe_us);\n}\n";
    let error = clang(&dir, &["-fsyntax-only"], uses).unwrap_err();
    assert!(error.contains("recipe_us"), "{error}");
    append(
        &dir.join("tunables.def.h"),
        "TUNABLE(recipe_us, 5, 1, 9, \"us\",\n\t\"Played once\")\n",
    );
    clang(&dir, &["-fsyntax-only"], uses).unwrap();
    assert!(tables(&dir).contains("flag \"recipe_us\" 5 1 9 \"us\" \"Played once\""));
}

#[test]
fn a_counter_is_one_line_and_a_count() {
    let dir = sources("counter");
    let uses = "#include \"intf.h\"\nint f(void)\n{\n\treturn CNT_recipe;\n}\n";
    let error = clang(&dir, &["-fsyntax-only"], uses).unwrap_err();
    assert!(error.contains("CNT_recipe"), "{error}");
    append(
        &dir.join("counters.def.h"),
        "COUNTER(recipe, \"Played once\")\n",
    );
    clang(&dir, &["-fsyntax-only"], uses).unwrap();
    assert!(tables(&dir).contains("field \"recipe\" \"Played once\""));
}

/// The lists of a scenario's recipe name the same scenarios.
#[test]
fn a_scenario_is_a_file_a_module_and_a_line() {
    let dir = root().join("tests/vm/src/scenarios");
    let list = std::fs::read_to_string(root().join("tests/vm/src/scenario.rs")).unwrap();
    let modules = std::fs::read_to_string(dir.join("mod.rs")).unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        if name == "mod" || !text.contains("pub fn run(ctx: &Ctx) -> Outcome") {
            continue;
        }
        seen += 1;
        assert!(
            modules.contains(&format!("mod {name};")),
            "{name}: no mod line"
        );
        assert!(
            list.contains(&format!("scenarios::{name}::run")),
            "{name}: no line"
        );
    }
    assert!(seen > 15, "{seen}");
}
