// SPDX-License-Identifier: GPL-2.0-only
//! What the kernel counts for a BPF program that does nothing: the clock's own cost, to be taken off every run of
//! every other. The program is entered as a callback is, through a trampoline.

use crate::bpf::bpf;
use crate::btf;
use crate::programs::{Counting, program};
use anyhow::{Context, Result};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

// enum bpf_cmd, bpf_prog_type and bpf_attach_type of linux/bpf.h: stable.
const PROG_LOAD: libc::c_int = 5;
const PROG_TEST_RUN: libc::c_int = 10;
const RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const TRACING: u32 = 26;
const TRACE_FENTRY: u32 = 24;
/// A function the kernel has for this: a test run of a program attached to it calls it.
const TARGET: &str = "bpf_fentry_test1";
/// `r0 = 0; exit`
const NOTHING: [u64; 2] = [0x0000_0000_0000_00b7, 0x0000_0000_0000_0095];
/// The clock is of instructions; the least of a few runs is one that no interrupt fell into.
const RUNS: usize = 20;

/// The head of `union bpf_attr` for PROG_LOAD.
#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log: [u64; 2],
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
    ifindex: u32,
    attach_type: u32,
    btf: [u64; 4],
    line_info_count: u32,
    target: u32,
    target_object: u32,
    _pad: u32,
}

/// For RAW_TRACEPOINT_OPEN, which attaches tracing programs too.
#[repr(C)]
#[derive(Default)]
struct Attach {
    name: u64,
    program: u32,
    _pad: u32,
}

/// For PROG_TEST_RUN.
#[repr(C)]
#[derive(Default)]
struct TestRun {
    program: u32,
    _rest: [u32; 19],
}

/// The least time counted for it, nanoseconds.
pub fn empty_program_ns() -> Result<u64> {
    let license = c"GPL";
    let mut load = Load {
        kind: TRACING,
        count: NOTHING.len() as u32,
        instructions: NOTHING.as_ptr() as u64,
        license: license.as_ptr() as u64,
        attach_type: TRACE_FENTRY,
        target: btf::function(TARGET).context(TARGET)?,
        ..Load::default()
    };
    let empty = own(bpf(PROG_LOAD, &mut load)).context("loading the empty program")?;
    let mut attach = Attach {
        program: empty.as_raw_fd() as u32,
        ..Attach::default()
    };
    let _link = own(bpf(RAW_TRACEPOINT_OPEN, &mut attach)).context("attaching it")?;
    let _counting = Counting::start()?;
    let mut least = u64::MAX;
    for _ in 0..RUNS {
        let before = program(&empty)?;
        let mut run = TestRun {
            program: empty.as_raw_fd() as u32,
            ..TestRun::default()
        };
        bpf(PROG_TEST_RUN, &mut run).context("running it")?;
        let after = program(&empty)?;
        anyhow::ensure!(after.runs == before.runs + 1, "it did not run once");
        least = least.min(after.ns - before.ns);
    }
    Ok(least)
}

fn own(fd: io::Result<i32>) -> io::Result<File> {
    // SAFETY: a fresh descriptor that nobody else owns.
    fd.map(|fd| unsafe { File::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// Offsets of linux/bpf.h, which never change.
    #[test]
    fn the_heads_of_the_kernels_union() {
        assert_eq!(offset_of!(Load, name), 48);
        assert_eq!(offset_of!(Load, attach_type), 68);
        assert_eq!(offset_of!(Load, target), 108);
        assert_eq!(size_of::<TestRun>(), 80);
    }
}
