// SPDX-License-Identifier: GPL-2.0-only
//! Compiles the programs that are measured; they include the product's own headers.

use anyhow::{Context, Result};
use scx_cargo::BpfBuilder;

/// Of the product's kernel part.
const PRODUCT: &str = "../../src/bpf";

fn main() -> Result<()> {
    for path in [PRODUCT, "src/bpf", "build.rs"] {
        println!("cargo:rerun-if-changed={path}");
    }
    let mut builder = BpfBuilder::new()?;
    builder
        .add_cflag("-Werror")
        .add_cflag(&format!("-I{PRODUCT}"))
        .enable_intf(&format!("{PRODUCT}/intf.h"), "intf.rs")
        .enable_skel("src/bpf/native.bpf.c", "native")
        .build()
        .context("compiling src/bpf/native.bpf.c")
}
