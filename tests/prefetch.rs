// SPDX-License-Identifier: GPL-2.0-only
//! clang emits nothing for a prefetch on BPF, so the kernel part has none. If this
//! fails some day, prefetching can be measured.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::path::Path;
use std::process::Command;

/// The assembly of a function with this body, without its comments.
fn assembly(body: &str) -> Vec<String> {
    let name = format!("photon-prefetch-{}-{}.c", std::process::id(), body.len());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, format!("long f(long *p) {{ {body} return *p; }}")).unwrap();
    let clang = std::env::var("BPF_CLANG").unwrap_or_else(|_| "clang".into());
    let run = Command::new(clang)
        .args(["-O2", "-target", "bpf", "-mcpu=v4", "-S", "-o", "-"])
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(run.status.success());
    let text = String::from_utf8(run.stdout).unwrap();
    let code = text.lines().map(|l| l.split('#').next().unwrap().trim());
    code.filter(|l| !l.is_empty() && !l.starts_with('.'))
        .map(String::from)
        .collect()
}

#[test]
fn a_prefetch_is_nothing() {
    let without = assembly("");
    assert!(without.iter().any(|l| l.contains("exit")), "{without:?}");
    assert_eq!(assembly("__builtin_prefetch(p);"), without);
    // The twin: an early load is something.
    assert_ne!(assembly("*(volatile long *)(p + 8);"), without);
}

#[test]
fn the_kernel_part_has_none() {
    fn look(dir: &Path) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(!text.contains("__builtin_prefetch("), "{}", path.display());
            }
        }
    }
    look(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bpf"));
}
