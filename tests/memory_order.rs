// SPDX-License-Identifier: GPL-2.0-only
//! Every shared variable that the kernel part handles with an atomic or a marked
//! access is in the table of docs/DESIGN.md that names its order and the reason, and
//! nothing is in the table that the source does not have. And the kernel part also
//! compiles for arm64, where orders differ.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEADING: &str = "## Memory order of every shared field";
/// Everything that says: another CPU may be here.
const MARKS: [&str; 4] = ["READ_ONCE(", "WRITE_ONCE(", "__sync_", "publish("];
/// A local pointer, what it points to, and the line that says so.
const ALIASES: [(&str, &str, &str); 1] = [("word", "idle", "u64 *word = &shared.idle[")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source_files(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => source_files(&path, files),
            false => files.push(path),
        }
    }
}

fn source() -> String {
    let mut files = Vec::new();
    source_files(&root().join("src/bpf"), &mut files);
    assert!(files.len() > 10);
    let texts = files.iter().map(|f| std::fs::read_to_string(f).unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|w| !w.is_empty())
}

/// The first argument of the call whose name begins at `at`.
fn first_argument(text: &str, at: usize) -> &str {
    let open = at + text[at..].find('(').unwrap() + 1;
    let mut depth = 0;
    for (i, c) in text[open..].char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ',' if depth == 0 => return &text[open..open + i],
            ')' if depth == 0 => return &text[open..open + i],
            ')' | ']' => depth -= 1,
            _ => {}
        }
    }
    panic!("a call without an end");
}

/// `&c->claim` to claim, `shared.idle[cpu / 64]` to idle.
fn variable(argument: &str) -> &str {
    let whole = argument.split('[').next().unwrap();
    words(whole).last().unwrap()
}

fn marked(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for mark in MARKS {
        for (at, _) in text.match_indices(mark) {
            let line = text[..at].rsplit('\n').next().unwrap();
            let comment = line.contains("/*") || line.trim_start().starts_with('*');
            if !comment && !line.contains("#define publish") {
                found.insert(variable(first_argument(text, at)).to_string());
            }
        }
    }
    for (alias, target, line) in ALIASES {
        if found.remove(alias) {
            assert!(text.contains(line), "{alias} is not {target} any more");
            found.insert(target.into());
        }
    }
    found
}

/// What stands in backquotes in the first column of the table.
fn listed(document: &str) -> BTreeSet<String> {
    let (_, section) = document.split_once(HEADING).expect(HEADING);
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|l| l.starts_with("| `"));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .flat_map(words)
        .map(String::from)
        .collect()
}

fn differences(text: &str, document: &str) -> Vec<String> {
    let listed = listed(document);
    let known: BTreeSet<&str> = words(text).collect();
    let missing = marked(text)
        .into_iter()
        .filter(|v| !listed.contains(v))
        .map(|v| format!("{v} is not in the table"));
    let stale = listed
        .iter()
        .filter(|v| !known.contains(v.as_str()))
        .map(|v| format!("{v} is in the table only"));
    missing.chain(stale).collect()
}

#[test]
fn every_shared_variable_is_in_the_table() {
    let document = std::fs::read_to_string(root().join("docs/DESIGN.md")).unwrap();
    let wrong = differences(&source(), &document);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The twin.
#[test]
fn a_variable_without_a_row_is_found() {
    const TEXT: &str =
        "x = READ_ONCE(c->known);\n__sync_fetch_and_add(&s->new[f(1, 2)], 1);\n/* READ_ONCE(no) */";
    let document = format!("{HEADING}\n| `s.known` |\n| `gone` |\n## Next\n| `new` |");
    assert_eq!(
        differences(TEXT, &document),
        ["new is not in the table", "gone is in the table only"]
    );
}

/// Where the build put the headers of libbpf.
fn libbpf_headers() -> PathBuf {
    let build = Path::new(env!("OUT_DIR")).join("../..");
    let dirs = std::fs::read_dir(build).unwrap().flatten();
    let mut found = dirs
        .filter(|d| d.file_name().to_string_lossy().starts_with("libbpf-sys-"))
        .map(|d| d.path().join("out/include"))
        .filter(|d| d.join("bpf/bpf_helpers.h").exists());
    found.next().expect("the headers of libbpf")
}

#[test]
fn the_kernel_part_compiles_for_arm64() {
    let headers = Path::new(env!("OUT_DIR")).join("scx_utils-bpf_h");
    let clang = std::env::var("BPF_CLANG").unwrap_or_else(|_| "clang".into());
    let probes = ["input", "display", "exec", "lock"].map(|p| format!("src/bpf/probes/{p}.bpf.c"));
    for source in ["src/bpf/main.bpf.c".into()].into_iter().chain(probes) {
        let run = Command::new(&clang)
            .current_dir(root())
            .args([
                "-g",
                "-O2",
                "-Wall",
                "-Werror",
                "-Wno-compare-distinct-pointer-types",
            ])
            .args([
                "-target",
                "bpf",
                "-mcpu=v4",
                "-mlittle-endian",
                "-fno-stack-protector",
            ])
            .args(["-D__TARGET_ARCH_arm64", "-D__SCX_TARGET_ARCH_arm64"])
            .arg(format!("-I{}", headers.join("arch/arm64").display()))
            .arg(format!("-I{}", headers.display()))
            .arg(format!("-I{}", headers.join("bpf-compat").display()))
            .arg(format!("-I{}", libbpf_headers().display()))
            .args(["-c", &source, "-o", "/dev/null"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{source}: {said}");
    }
}
