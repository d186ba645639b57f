// SPDX-License-Identifier: GPL-2.0-only
//! The BPF programs the kernel holds, and what it counts about each: verified instructions, runs and their time.

use crate::bpf::{Attr, OBJ_GET_INFO_BY_FD, PROG_GET_NEXT_ID, bpf, ids};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

// enum bpf_cmd of linux/bpf.h: stable.
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const ENABLE_STATS: libc::c_int = 32;
/// BPF_PROG_TYPE_STRUCT_OPS: callbacks of a scheduler.
const STRUCT_OPS: u32 = 27;

/// The head of `struct bpf_prog_info`; the kernel fills as much as fits.
#[repr(C)]
#[derive(Default)]
struct ProgInfo {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    jited_len: u32,
    xlated_len: u32,
    jited: u64,
    xlated: u64,
    load_time: u64,
    created_by_uid: u32,
    nr_map_ids: u32,
    map_ids: u64,
    name: [u8; 16],
    ifindex: u32,
    gpl_compatible: u32,
    netns_dev: u64,
    netns_ino: u64,
    nr_jited_ksyms: u32,
    nr_jited_func_lens: u32,
    jited_ksyms: u64,
    jited_func_lens: u64,
    btf_id: u32,
    func_info_rec_size: u32,
    func_info: u64,
    nr_func_info: u32,
    nr_line_info: u32,
    line_info: u64,
    jited_line_info: u64,
    nr_jited_line_info: u32,
    line_info_rec_size: u32,
    jited_line_info_rec_size: u32,
    nr_prog_tags: u32,
    prog_tags: u64,
    run_time_ns: u64,
    run_cnt: u64,
    recursion_misses: u64,
    verified_insns: u32,
    attach_btf_obj_id: u32,
}

#[derive(Clone, Debug)]
pub struct Program {
    pub id: u32,
    /// As much of it as the kernel keeps: 15 bytes.
    pub name: String,
    /// A callback of a scheduler, and not a probe.
    pub callback: bool,
    /// Instructions the verifier went through.
    pub verified: u32,
    pub runs: u64,
    /// Between two readings of the clock around each run.
    pub ns: u64,
}

pub fn programs() -> Vec<Program> {
    (open_programs().iter())
        .filter_map(|f| program(f).ok())
        .collect()
}

pub fn open_programs() -> Vec<File> {
    let open = |id| {
        let mut attr = Attr {
            words: [id, 0],
            pointer: 0,
        };
        let fd = bpf(PROG_GET_FD_BY_ID, &mut attr).ok()?;
        // SAFETY: a fresh descriptor that nobody else owns.
        Some(unsafe { File::from_raw_fd(fd) })
    };
    ids(PROG_GET_NEXT_ID).into_iter().filter_map(open).collect()
}

pub fn program(file: &File) -> io::Result<Program> {
    let mut info = ProgInfo::default();
    let mut attr = Attr {
        words: [file.as_raw_fd() as u32, size_of::<ProgInfo>() as u32],
        pointer: &raw mut info as u64,
    };
    bpf(OBJ_GET_INFO_BY_FD, &mut attr)?;
    let end = info.name.iter().position(|b| *b == 0);
    let name = &info.name[..end.unwrap_or(info.name.len())];
    Ok(Program {
        id: info.id,
        name: String::from_utf8_lossy(name).into_owned(),
        callback: info.kind == STRUCT_OPS,
        verified: info.verified_insns,
        runs: info.run_cnt,
        ns: info.run_time_ns,
    })
}

/// While it lives the kernel counts runs and their time.
pub struct Counting {
    _stats: File,
}

impl Counting {
    pub fn start() -> io::Result<Self> {
        // The only kind of statistics there is is number 0.
        let fd = bpf(ENABLE_STATS, &mut Attr::default())?;
        // SAFETY: a fresh descriptor that nobody else owns.
        let file = unsafe { File::from_raw_fd(fd) };
        Ok(Counting { _stats: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;

    /// Offsets of linux/bpf.h, which never change.
    #[test]
    fn the_head_of_the_kernels_struct() {
        assert_eq!(offset_of!(ProgInfo, name), 64);
        assert_eq!(offset_of!(ProgInfo, btf_id), 128);
        assert_eq!(offset_of!(ProgInfo, prog_tags), 184);
        assert_eq!(offset_of!(ProgInfo, run_time_ns), 192);
        assert_eq!(offset_of!(ProgInfo, verified_insns), 216);
    }
}
