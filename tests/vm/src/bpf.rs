// SPDX-License-Identifier: GPL-2.0-only
//! The kernel's own view of what is loaded: objects counted by id, and the raw memory of the lanes.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

// enum bpf_cmd of linux/bpf.h: stable.
const MAP_LOOKUP_ELEM: libc::c_int = 1;
pub const PROG_GET_NEXT_ID: libc::c_int = 11;
pub const MAP_GET_NEXT_ID: libc::c_int = 12;
pub const MAP_GET_FD_BY_ID: libc::c_int = 14;
pub const OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BTF_GET_NEXT_ID: libc::c_int = 23;
const LINK_GET_NEXT_ID: libc::c_int = 31;
/// Of `struct lane` in src/bpf/intf.h: the events begin here, so long is each.
const LANE_SLOTS: usize = 128;
pub const RECORD_BYTES: usize = 16;

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

/// `union bpf_attr` for a look into a map.
#[repr(C)]
struct Lookup {
    map: u64,
    key: u64,
    value: u64,
    flags: u64,
}

/// What a map from process numbers to counts holds of one of them.
pub fn count_of(map: &str, key: u32) -> Option<u64> {
    let (file, size, _) = map_named(map)?;
    let mut count = 0u64;
    let mut attr = Lookup {
        map: file.as_raw_fd() as u64,
        key: &raw const key as u64,
        value: &raw mut count as u64,
        flags: 0,
    };
    // The kernel fills as many bytes as a value has.
    let found = size == size_of_val(&count) && bpf(MAP_LOOKUP_ELEM, &mut attr).is_ok();
    found.then_some(count)
}

/// A map by its name: its descriptor, the size of a value, and how many there are.
fn map_named(name: &str) -> Option<(File, usize, usize)> {
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
        let found = &info.name[..end] == name.as_bytes();
        found.then_some((file, info.value_size as usize, info.max_entries as usize))
    })
}

/// All events ever written to lanes that have not wrapped yet, read or not.
pub fn lane_records() -> io::Result<Vec<Vec<u8>>> {
    let (file, size, count) = map_named("lanes").ok_or(io::ErrorKind::NotFound)?;
    let length = size * count;
    // SAFETY: a new read-only mapping of the map's values; the kernel checks offset and size.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: mapped above in this length; copied at once, because the kernel may write to it.
    let copy = unsafe { std::slice::from_raw_parts(memory.cast::<u8>(), length) }.to_vec();
    // SAFETY: the mapping made above, of which no reference is left.
    unsafe { libc::munmap(memory, length) };
    let lanes: Result<Vec<_>, _> = copy.chunks_exact(size).map(records).collect();
    Ok(lanes?.concat())
}

fn records(lane: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let (head, slots) = lane.split_at(LANE_SLOTS);
    let mut word = [0; 8];
    word.copy_from_slice(&head[..8]);
    let written = u64::from_ne_bytes(word) as usize;
    let end = written * RECORD_BYTES;
    let slots = slots
        .get(..end)
        .ok_or(io::Error::other("a lane has wrapped"))?;
    Ok(slots
        .chunks_exact(RECORD_BYTES)
        .map(<[u8]>::to_vec)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_walked() {
        let mut lane = vec![0u8; LANE_SLOTS + 4 * RECORD_BYTES];
        lane[0] = 2;
        lane[LANE_SLOTS..LANE_SLOTS + RECORD_BYTES].fill(7);
        let found = records(&lane).unwrap();
        assert_eq!(found, [vec![7; RECORD_BYTES], vec![0; RECORD_BYTES]]);
        lane[0] = 5;
        assert!(records(&lane).is_err());
    }
}
