// SPDX-License-Identifier: GPL-2.0-only
//! Compiles the BPF objects and makes Rust tables out of the C lists.
//!
//! Everything goes to OUT_DIR: the skeletons of the scheduler and of each probe,
//! the shared types (bindgen), and `tables.rs`, which is `tunables.def.h` and
//! `counters.def.h` run through the C preprocessor.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use scx_cargo::BpfBuilder;

/// C that expands to Rust: the preprocessor is the only reader of the lists.
const TABLES: &str = r#"
#define TUNABLE(n, dfl, lo, hi, u, h) Tunable { name: #n, default: dfl, min: lo, max: hi, unit: u, help: h },
#define COUNTER(n, h) Counter { name: #n, help: h },
pub const TUNABLES: &[Tunable] = &[
#include "tunables.def.h"
];
pub const COUNTERS: &[Counter] = &[
#include "counters.def.h"
];
"#;

fn main() -> Result<()> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for dir in [
        "src/bpf",
        "src/bpf/policy",
        "src/bpf/mech",
        "src/bpf/probes",
    ] {
        println!("cargo:rerun-if-changed={dir}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    make_tables(&out)?;
    let sabotage = std::env::var_os("CARGO_FEATURE_SABOTAGE").is_some();
    for (source, name) in [
        ("src/bpf/main.bpf.c", "main"),
        ("src/bpf/probes/input.bpf.c", "input"),
        ("src/bpf/probes/display.bpf.c", "display"),
        ("src/bpf/probes/exec.bpf.c", "exec"),
        ("src/bpf/probes/lock.bpf.c", "lock"),
    ] {
        let mut builder = BpfBuilder::new()?;
        builder.add_cflag("-Werror");
        if sabotage {
            builder.add_cflag("-DPHOTON_SABOTAGE");
        }
        if name == "main" {
            builder.enable_intf("src/bpf/intf.h", "intf.rs");
        }
        builder
            .enable_skel(source, name)
            .build()
            .with_context(|| format!("compiling {source}"))?;
    }
    Ok(())
}

/// Adjacent string literals, `"a" "b"`, are one literal in C and an error in Rust.
fn join_literals(text: &str) -> String {
    text.replace("\" \"", "")
}

fn make_tables(out: &Path) -> Result<()> {
    let clang = std::env::var("BPF_CLANG").unwrap_or_else(|_| "clang".into());
    let input = out.join("tables.c");
    std::fs::write(&input, TABLES)?;
    let run = Command::new(&clang)
        .args(["-E", "-P", "-Isrc/bpf"])
        .arg(&input)
        .output()
        .with_context(|| format!("running {clang}"))?;
    if !run.status.success() {
        bail!("{clang} -E: {}", String::from_utf8_lossy(&run.stderr));
    }
    let text = join_literals(&String::from_utf8(run.stdout)?);
    std::fs::write(out.join("tables.rs"), text)?;
    Ok(())
}
