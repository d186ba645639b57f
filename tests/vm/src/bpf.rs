// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own view of what is loaded: objects counted by id, and the raw memory of a ring buffer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

// enum bpf_cmd of linux/bpf.h: stable.
pub const PROG_GET_NEXT_ID: libc::c_int = 11;
const MAP_GET_NEXT_ID: libc::c_int = 12;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const MAP_GET_FD_BY_ID: libc::c_int = 14;
pub const OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BTF_GET_NEXT_ID: libc::c_int = 23;
const LINK_GET_NEXT_ID: libc::c_int = 31;
const PAGE: usize = 4096;
/// Of a record's length word: being written, thrown away.
const RECORD_FLAGS: u32 = 0b11 << 30;
const RECORD_HEADER: usize = 8;
const RECORD_ALIGN: usize = 8;

/// The head of `union bpf_attr` for the commands used here.
#[repr(C)]
#[derive(Default)]
pub struct Attr {
    pub words: [u32; 2],
    pub pointer: u64,
}

/// The head of `struct bpf_map_info`; the kernel fills as much as fits.
#[repr(C)]
#[derive(Default)]
struct MapInfo {
    kind: u32,
    id: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    name: [u8; 16],
}

/// `attr` is the head of `union bpf_attr` for the command.
pub fn bpf<T>(command: libc::c_int, attr: &mut T) -> io::Result<i32> {
    // SAFETY: the attribute lives through the call and its size is given; what it points to is the caller's promise.
    let rc = unsafe { libc::syscall(libc::SYS_bpf, command, attr, size_of::<T>()) };
    match rc {
        0.. => Ok(rc as i32),
        _ => Err(io::Error::last_os_error()),
    }
}

/// All there are of one kind.
pub fn ids(command: libc::c_int) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut attr = Attr::default();
    while bpf(command, &mut attr).is_ok() {
        ids.push(attr.words[1]);
        attr = Attr {
            words: [attr.words[1], 0],
            pointer: 0,
        };
    }
    ids
}

/// How many programs, maps, links and BTF objects the kernel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Objects {
    pub programs: usize,
    pub maps: usize,
    pub links: usize,
    pub btfs: usize,
}

pub fn objects() -> Objects {
    Objects {
        programs: ids(PROG_GET_NEXT_ID).len(),
        maps: ids(MAP_GET_NEXT_ID).len(),
        links: ids(LINK_GET_NEXT_ID).len(),
        btfs: ids(BTF_GET_NEXT_ID).len(),
    }
}

/// `struct bpf_prog_info` up to and with `verified_insns`; the kernel fills as much as fits.
#[repr(C)]
struct ProgInfo {
    before_name: [u64; 8],
    name: [u8; 16],
    before_verified: [u64; 17],
    verified: u32,
    rest: u32,
}

/// Every loaded program: its name and how many instructions the verifier went through.
pub fn verified() -> BTreeMap<String, u32> {
    let info = |id: u32| {
        let mut attr = Attr {
            words: [id, 0],
            pointer: 0,
        };
        let fd = bpf(PROG_GET_FD_BY_ID, &mut attr).ok()?;
        // SAFETY: a fresh descriptor that nobody else owns; open until the end of this function.
        let _file = unsafe { File::from_raw_fd(fd) };
        let mut info = ProgInfo {
            before_name: [0; 8],
            name: [0; 16],
            before_verified: [0; 17],
            verified: 0,
            rest: 0,
        };
        let mut attr = Attr {
            words: [fd as u32, size_of::<ProgInfo>() as u32],
            pointer: &raw mut info as u64,
        };
        bpf(OBJ_GET_INFO_BY_FD, &mut attr).ok()?;
        let end = info
            .name
            .iter()
            .position(|b| *b == 0)
            .unwrap_or(info.name.len());
        let name = String::from_utf8_lossy(&info.name[..end]).into_owned();
        Some((name, info.verified))
    };
    ids(PROG_GET_NEXT_ID).into_iter().filter_map(info).collect()
}

/// A map by its name: its descriptor and its size.
fn map_named(name: &str) -> Option<(File, usize)> {
    ids(MAP_GET_NEXT_ID).into_iter().find_map(|id| {
        let mut attr = Attr {
            words: [id, 0],
            pointer: 0,
        };
        let fd = bpf(MAP_GET_FD_BY_ID, &mut attr).ok()?;
        // SAFETY: a fresh descriptor that nobody else owns.
        let file = unsafe { File::from_raw_fd(fd) };
        let mut info = MapInfo::default();
        let mut attr = Attr {
            words: [fd as u32, size_of::<MapInfo>() as u32],
            pointer: &raw mut info as u64,
        };
        bpf(OBJ_GET_INFO_BY_FD, &mut attr).ok()?;
        let end = info
            .name
            .iter()
            .position(|b| *b == 0)
            .unwrap_or(info.name.len());
        (&info.name[..end] == name.as_bytes()).then_some((file, info.max_entries as usize))
    })
}

/// The payloads of all records ever written to a ring buffer that has not wrapped yet, read or not.
pub fn ring_records(name: &str) -> io::Result<Vec<Vec<u8>>> {
    let (file, size) = map_named(name).ok_or(io::ErrorKind::NotFound)?;
    let length = PAGE + size;
    // SAFETY: a new read-only mapping of the producer's page and the data after it; the kernel checks offset and size.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            PAGE as libc::off_t,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: mapped above in this length; copied at once, because the kernel may write to it.
    let copy = unsafe { std::slice::from_raw_parts(memory.cast::<u8>(), length) }.to_vec();
    // SAFETY: the mapping made above, of which no reference is left.
    unsafe { libc::munmap(memory, length) };
    records(&copy[PAGE..], word(&copy, 0))
}

fn word(bytes: &[u8], at: usize) -> usize {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_ne_bytes(word) as usize
}

fn records(data: &[u8], produced: usize) -> io::Result<Vec<Vec<u8>>> {
    if produced > data.len() {
        return Err(io::Error::other("the ring has wrapped"));
    }
    let (mut at, mut found) = (0, Vec::new());
    while at + RECORD_HEADER <= produced {
        let length = word(data, at) & !(RECORD_FLAGS as usize);
        let begin = at + RECORD_HEADER;
        let payload = data.get(begin..begin + length);
        found.push(payload.ok_or(io::ErrorKind::InvalidData)?.to_vec());
        at = (begin + length).next_multiple_of(RECORD_ALIGN);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_walked() {
        let mut data = vec![0u8; 64];
        data[0] = 16;
        data[24] = 3;
        data[8..24].fill(7);
        let found = records(&data, 40).unwrap();
        assert_eq!(found, [vec![7; 16], vec![0; 3]]);
        assert!(records(&data, 65).is_err());
    }
}
