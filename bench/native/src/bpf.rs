// SPDX-License-Identifier: GPL-2.0-only
//! The generated code: the skeleton of the programs, the types shared with the
//! product, and loading.

use crate::bpf::native::*;
use anyhow::{Context, Result};
use libbpf_rs::OpenObject;
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use std::mem::MaybeUninit;

#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_imports,
    dead_code
)]
#[allow(clippy::unwrap_used, clippy::expect_used, unsafe_op_in_unsafe_fn)]
pub mod native {
    include!(concat!(env!("OUT_DIR"), "/native_skel.rs"));
}

#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_imports,
    dead_code
)]
#[allow(
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    unsafe_op_in_unsafe_fn
)]
pub mod intf {
    include!(concat!(env!("OUT_DIR"), "/intf.rs"));
}

/// Fresh programs and fresh memory.
pub fn load(object: &mut MaybeUninit<OpenObject>) -> Result<NativeSkel<'_>> {
    let mut open = NativeSkelBuilder::default()
        .open(object)
        .context("opening the programs")?;
    // Of the scx headers; it wants a kernel with sched_ext.
    open.progs.scx_lib_init_probe.set_autoload(false);
    open.load().context("loading the programs")
}
