// SPDX-License-Identifier: GPL-2.0-only
//! A disk that takes its time: the kernel's null_blk, which answers by a timer.

use crate::game::LONG_NS;
use crate::scenario::Fail;
use crate::setup::load_later;
use std::ffi::CString;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;

const DISK: &str = "/dev/nullb0";
/// What a read without the page cache is aligned to, and its length.
const BLOCK: usize = 4096;

/// irqmode=2: a request is complete when its timer says so.
pub fn load() -> Result<(), Fail> {
    let options = CString::new(format!("irqmode=2 completion_nsec={LONG_NS} gb=1"));
    let options = options.map_err(|e| Fail::failed(e.to_string()))?;
    load_later("null_blk", &options)?;
    match std::path::Path::new(DISK).exists() {
        true => Ok(()),
        false => Err(Fail::skip(format!("no {DISK}"))),
    }
}

/// One block, past the page cache.
pub fn read() -> io::Result<()> {
    let mut disk = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(DISK)?;
    let mut room = vec![0u8; 2 * BLOCK];
    let at = room.as_ptr().align_offset(BLOCK);
    disk.read_exact(&mut room[at..at + BLOCK])
}
