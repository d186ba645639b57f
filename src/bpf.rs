// SPDX-License-Identifier: GPL-2.0-only
//! The generated code: skeletons and the types shared with the kernel part.

/// The scheduler.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_imports,
    dead_code
)]
#[allow(clippy::unwrap_used, clippy::expect_used, unsafe_op_in_unsafe_fn)]
pub mod sched {
    include!(concat!(env!("OUT_DIR"), "/main_skel.rs"));
}

/// The input probe.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_imports,
    dead_code
)]
#[allow(clippy::unwrap_used, clippy::expect_used, unsafe_op_in_unsafe_fn)]
pub mod input {
    include!(concat!(env!("OUT_DIR"), "/input_skel.rs"));
}

/// The display probe.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_imports,
    dead_code
)]
#[allow(clippy::unwrap_used, clippy::expect_used, unsafe_op_in_unsafe_fn)]
pub mod display {
    include!(concat!(env!("OUT_DIR"), "/display_skel.rs"));
}

/// The exec probe.
#[allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unused_imports,
    dead_code
)]
#[allow(clippy::unwrap_used, clippy::expect_used, unsafe_op_in_unsafe_fn)]
pub mod exec {
    include!(concat!(env!("OUT_DIR"), "/exec_skel.rs"));
}

/// `src/bpf/intf.h`, through bindgen.
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
