// SPDX-License-Identifier: GPL-2.0-only
//! The generated code: skeletons and the types shared with the kernel part.

/// A skeleton that libbpf-cargo has made of one BPF object, with the lints off that generated code breaks.
macro_rules! skeleton {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        #[allow(
            clippy::all,
            clippy::undocumented_unsafe_blocks,
            unused_imports,
            dead_code
        )]
        #[allow(clippy::unwrap_used, clippy::expect_used, unsafe_op_in_unsafe_fn)]
        pub mod $name {
            include!(concat!(env!("OUT_DIR"), $file));
        }
    };
}

skeleton! {
    /// The scheduler.
    sched, "/main_skel.rs"
}

skeleton! {
    /// The input probe.
    input, "/input_skel.rs"
}

skeleton! {
    /// The display probe.
    display, "/display_skel.rs"
}

skeleton! {
    /// The exec probe.
    exec, "/exec_skel.rs"
}

skeleton! {
    /// The lock probe.
    lock, "/lock_skel.rs"
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
