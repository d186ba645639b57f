// SPDX-License-Identifier: GPL-2.0-only
//! The lanes of all CPUs, as the kernel part's memory is mapped here.

use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;

use anyhow::{Context, Result};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::lane::{BYTES, Lane};

/// Read-only memory of a BPF array of `struct lane`.
pub struct Lanes {
    memory: NonNull<AtomicU64>,
    bytes: usize,
}

impl Lanes {
    /// Maps the first `count` values of the map behind `fd`.
    pub fn map(fd: impl AsFd, count: usize) -> Result<Self> {
        let bytes = count * BYTES;
        let length = NonZeroUsize::new(bytes).context("no lanes")?;
        // SAFETY: a new mapping at an address of the kernel's choice; the kernel
        // checks that the map is as long.
        let memory = unsafe {
            mmap(
                None,
                length,
                ProtFlags::PROT_READ,
                MapFlags::MAP_SHARED,
                fd,
                0,
            )
        };
        let memory = memory.context("mapping the lanes")?.cast();
        Ok(Lanes { memory, bytes })
    }

    /// By CPU number.
    pub fn iter(&self) -> impl Iterator<Item = Lane<'_>> {
        let words = self.bytes / size_of::<AtomicU64>();
        // SAFETY: mapped in this length until drop, on a page boundary; others
        // write to it, so it is seen as atomics, and never written from here.
        let words = unsafe { slice::from_raw_parts(self.memory.as_ptr(), words) };
        words
            .chunks_exact(BYTES / size_of::<AtomicU64>())
            .filter_map(Lane::new)
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        // SAFETY: the mapping made above; every lane borrows from `self`.
        if let Err(e) = unsafe { munmap(self.memory.cast(), self.bytes) } {
            log::debug!("unmapping the lanes: {e}");
        }
    }
}
