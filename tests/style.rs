// SPDX-License-Identifier: GPL-2.0-only
//! What the tree promises about its own source, checked on the host.
//!
//! Each checker is a function from text to complaints, so that every test can
//! show first that the checker complains about a bad sample.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const FUNCTION_MAX: usize = 60;
const FILE_MAX: usize = 400;
const SOURCE_DIRS: &[&str] = &["src", "xtask", "bench", "dist", "tests"];
const MARKDOWN: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "docs/DESIGN.md",
];
/// Directories of what others have put there: cargo, git, a packager's crates, makepkg.
const NOT_OURS: &[&str] = &["target", ".git", "node_modules", "vendor", "pkg"];
/// What a policy header must know nothing of.
const KERNEL_WORDS: &[&str] = &["bpf_", "scx_", "SEC(", "__kptr"];
const SPDX: &str = "SPDX-License-Identifier: GPL-2.0-only";

struct Source {
    name: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                walk(&path, files);
            }
        } else {
            files.push(path);
        }
    }
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// The C and Rust files below some directories.
fn sources(dirs: &[&str]) -> Vec<Source> {
    let mut files = Vec::new();
    for dir in dirs {
        walk(&root().join(dir), &mut files);
    }
    files.retain(|p| {
        p.extension()
            .is_some_and(|e| e == "rs" || e == "c" || e == "h")
    });
    let found: Vec<_> = files
        .iter()
        .map(|p| Source {
            name: relative(p),
            text: std::fs::read_to_string(p).unwrap(),
        })
        .collect();
    assert!(!found.is_empty(), "no source below {dirs:?}");
    found
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Line with a function's name, if the line begins one. Rust: any `fn` item; C:
/// the line before a `{` in the first column that follows a `)`.
fn begins_function(lines: &[&str], at: usize, rust: bool) -> bool {
    let line = lines[at];
    if rust {
        let code = line.trim_start();
        let item = code.starts_with("fn ") || (code.starts_with("pub") && code.contains(" fn "));
        return item || code.starts_with("unsafe fn ") || code.starts_with("const fn ");
    }
    line == "{" && at > 0 && lines[at - 1].trim_end().ends_with(')')
}

/// The line that closes the block whose first line has this indentation.
fn end_of_function(lines: &[&str], at: usize) -> usize {
    let indent: String = lines[at]
        .chars()
        .take_while(|c| c.is_whitespace())
        .collect();
    let close = format!("{indent}}}");
    (at..lines.len())
        .find(|&i| lines[i] == close || (i == at && lines[i].trim_end().ends_with('}')))
        .unwrap_or(at)
}

fn is_excused(lines: &[&str], at: usize) -> bool {
    lines[..at]
        .iter()
        .rev()
        .take_while(|l| !l.trim().is_empty() && !l.starts_with('}'))
        .any(|l| l.contains("/* long: ") || l.contains("// long: "))
}

fn too_long(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().collect();
    let rust = source.name.ends_with(".rs");
    let mut complaints = Vec::new();
    if lines.len() > FILE_MAX {
        complaints.push(format!("{}: {} lines", source.name, lines.len()));
    }
    for at in (0..lines.len()).filter(|&i| begins_function(&lines, i, rust)) {
        let length = end_of_function(&lines, at) - at + 1;
        if length > FUNCTION_MAX && !is_excused(&lines, at) {
            complaints.push(format!(
                "{}:{}: function of {length} lines",
                source.name,
                at + 1
            ));
        }
    }
    complaints
}

/// A function of `n` lines in C or Rust, after an optional comment.
fn sample(name: &str, before: &str, n: usize) -> Source {
    let head = if name.ends_with(".rs") {
        "fn f() {"
    } else {
        "int f(void)\n{"
    };
    let text = format!("{before}{head}\n{}}}\n", "\tg();\n".repeat(n - 2));
    Source {
        name: name.into(),
        text,
    }
}

#[test]
fn functions_and_files_are_short() {
    for name in ["bad.rs", "bad.c"] {
        assert_eq!(too_long(&sample(name, "", FUNCTION_MAX)).len(), 0);
        assert_eq!(too_long(&sample(name, "", FUNCTION_MAX + 1)).len(), 1);
        assert_eq!(
            too_long(&sample(name, "// long: a table\n", FUNCTION_MAX + 1)).len(),
            0
        );
        assert_eq!(too_long(&sample(name, "", FILE_MAX + 1)).len(), 2);
    }
    assert_none(
        &sources(SOURCE_DIRS)
            .iter()
            .flat_map(too_long)
            .collect::<Vec<_>>(),
    );
}

fn no_license(source: &Source) -> Option<String> {
    let first = source.text.lines().next().unwrap_or_default();
    (!first.contains(SPDX)).then(|| format!("{}: no SPDX line on top", source.name))
}

#[test]
fn every_source_names_its_license() {
    assert!(
        no_license(&Source {
            name: "bad.c".into(),
            text: "int a;\n".into()
        })
        .is_some()
    );
    let mut all = sources(SOURCE_DIRS);
    all.push(Source {
        name: "build.rs".into(),
        text: read("build.rs"),
    });
    assert_none(&all.iter().filter_map(no_license).collect::<Vec<_>>());
}

/// Words of unfinished work, split so that this file does not contain them.
fn unfinished(source: &Source) -> Vec<String> {
    let words = [
        concat!("todo", "!"),
        concat!("unimplemented", "!"),
        concat!("FIX", "ME"),
    ];
    words
        .iter()
        .filter(|w| source.text.contains(*w))
        .map(|w| format!("{}: contains {w}", source.name))
        .collect()
}

#[test]
fn nothing_is_left_for_later() {
    let bad = concat!("// FIX", "ME\nfn f() { todo", "!() }");
    assert_eq!(
        unfinished(&Source {
            name: "bad.rs".into(),
            text: bad.into()
        })
        .len(),
        2
    );
    assert_none(
        &sources(SOURCE_DIRS)
            .iter()
            .flat_map(unfinished)
            .collect::<Vec<_>>(),
    );
}

fn stray_markdown(names: &[String]) -> Vec<String> {
    names
        .iter()
        .filter(|n| n.ends_with(".md") && !MARKDOWN.contains(&n.as_str()))
        .cloned()
        .collect()
}

#[test]
fn markdown_is_limited() {
    assert_eq!(
        stray_markdown(&["docs/NOTES.md".into(), "README.md".into()]),
        ["docs/NOTES.md"]
    );
    let mut files = Vec::new();
    walk(root(), &mut files);
    assert_none(&stray_markdown(
        &files.iter().map(|p| relative(p)).collect::<Vec<_>>(),
    ));
}

fn kernel_words(source: &Source) -> Vec<String> {
    KERNEL_WORDS
        .iter()
        .filter(|w| source.text.contains(*w))
        .map(|w| format!("{}: contains {w}", source.name))
        .collect()
}

#[test]
fn policy_knows_no_kernel() {
    let bad = "u64 f(void) { return scx_bpf_now(); } SEC(\"x\")";
    assert_eq!(
        kernel_words(&Source {
            name: "bad.h".into(),
            text: bad.into()
        })
        .len(),
        3
    );
    assert_none(
        &sources(&["src/bpf/policy"])
            .iter()
            .flat_map(kernel_words)
            .collect::<Vec<_>>(),
    );
}

/// The names in a list of `MACRO(name, ...)`.
fn listed(text: &str, item: &str) -> BTreeSet<String> {
    let open = format!("{item}(");
    let names: BTreeSet<_> = text
        .lines()
        .filter_map(|l| l.strip_prefix(&open)?.split_once(','))
        .map(|(name, _)| name.to_string())
        .collect();
    assert!(!names.is_empty(), "no {open} in the list");
    names
}

/// Those of which the code has no word `prefix + name`.
fn unused(names: &BTreeSet<String>, prefix: &str, code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = code.split(|c| !is_word(c)).collect();
    names
        .iter()
        .map(|n| format!("{prefix}{n}"))
        .filter(|n| !words.contains(n.as_str()))
        .collect()
}

fn code_of(dirs: &[&str]) -> String {
    sources(dirs).iter().map(|s| s.text.as_str()).collect()
}

#[test]
fn every_counter_is_counted() {
    let names = listed(&read("src/bpf/counters.def.h"), "COUNTER");
    assert_eq!(
        unused(
            &listed("COUNTER(never, \"\")", "COUNTER"),
            "CNT_",
            "CNT_nevermore"
        ),
        ["CNT_never"]
    );
    let code = code_of(&["src/bpf/mech", "src/bpf/probes"]);
    let mut missing = unused(&names, "CNT_", &code);
    if code.contains("count_on(this, CNT_class_input + (t->class - CLASS_INPUT))") {
        missing.retain(|n| !n.starts_with("CNT_class_"));
    }
    assert_none(&missing);
}

#[test]
fn every_tunable_is_read() {
    let names = listed(&read("src/bpf/tunables.def.h"), "TUNABLE");
    assert_eq!(
        unused(&listed("TUNABLE(never_us, 1)", "TUNABLE"), "", "tun.never"),
        ["never_us"]
    );
    assert_none(&unused(
        &names,
        "",
        &code_of(&["src/bpf/policy", "src/bpf/mech"]),
    ));
}

/// What C files define with `static`: the name before the first bracket of a line that begins with the word.
fn static_functions(code: &str) -> BTreeSet<String> {
    code.lines()
        .filter(|l| l.starts_with("static ") && !l.contains('='))
        .filter_map(|l| l.split_once('(')?.0.rsplit([' ', '*']).next())
        .map(str::to_string)
        .collect()
}

fn said_once(names: &BTreeSet<String>, code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let times = |name: &str| code.split(|c| !is_word(c)).filter(|w| *w == name).count();
    names.iter().filter(|n| times(n) < 2).cloned().collect()
}

/// No compiler warns of a `static inline` that nobody calls: one that kept preempted frames from looking for another
/// CPU was written, measured, and never called.
#[test]
fn every_function_of_the_bpf_program_is_called() {
    let sample = "static __always_inline bool alone(int a)\nstatic int *used(void)\nused();";
    assert_eq!(said_once(&static_functions(sample), sample), ["alone"]);
    let code = code_of(&["src/bpf"]);
    assert_none(&said_once(&static_functions(&code), &code));
}
