// SPDX-License-Identifier: GPL-2.0-only
//! Semaphores of the kernel's ntsync module: what Wine waits on since Linux 6.14.

use super::{check, fd::owned};
use anyhow::{Context, Result};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;

const DEVICE: &str = "/dev/ntsync";
/// The largest count an NT semaphore may have.
const MAX_COUNT: u32 = i32::MAX as u32;

/// `struct ntsync_sem_args` of linux/ntsync.h.
#[repr(C)]
struct SemArgs {
    count: u32,
    max: u32,
}

/// `struct ntsync_wait_args` of linux/ntsync.h.
#[repr(C)]
struct WaitArgs {
    timeout: u64,
    objects: u64,
    count: u32,
    index: u32,
    flags: u32,
    owner: u32,
    alert: u32,
    pad: u32,
}

const fn ioc(dir: u64, nr: u64, size: usize) -> u64 {
    (dir << 30) | ((size as u64) << 16) | ((b'N' as u64) << 8) | nr
}
const WRITE: u64 = 1;
const READ_WRITE: u64 = 3;
const CREATE_SEM: u64 = ioc(WRITE, 0x80, size_of::<SemArgs>());
const SEM_RELEASE: u64 = ioc(READ_WRITE, 0x81, size_of::<u32>());
const WAIT_ANY: u64 = ioc(READ_WRITE, 0x82, size_of::<WaitArgs>());

/// One instance of the device: objects of different instances know nothing of each other.
#[derive(Clone, Debug)]
pub struct Device(Arc<File>);

impl Device {
    pub fn open() -> Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(DEVICE);
        Ok(Self(Arc::new(
            file.with_context(|| format!("open {DEVICE}"))?,
        )))
    }

    pub fn semaphore(&self, count: u32) -> Result<Semaphore> {
        let args = SemArgs {
            count,
            max: MAX_COUNT,
        };
        // SAFETY: `args` has the layout the request reads.
        let fd = unsafe { libc::ioctl(self.0.as_raw_fd(), CREATE_SEM, &args) };
        let object = owned(fd).context("create an ntsync semaphore")?;
        Ok(Semaphore {
            device: self.clone(),
            object,
        })
    }
}

#[derive(Debug)]
pub struct Semaphore {
    device: Device,
    object: OwnedFd,
}

impl Semaphore {
    pub fn post(&self, n: u32) -> io::Result<()> {
        let mut count = n;
        // SAFETY: the request reads the count and writes the previous one back.
        check(unsafe { libc::ioctl(self.object.as_raw_fd(), SEM_RELEASE, &mut count) }).map(|_| ())
    }

    pub fn take(&self) -> io::Result<()> {
        let object = self.object.as_raw_fd();
        let mut args = WaitArgs {
            timeout: u64::MAX,
            objects: (&raw const object) as u64,
            count: 1,
            index: 0,
            flags: 0,
            owner: 1,
            alert: 0,
            pad: 0,
        };
        // SAFETY: `args` has the layout the request reads and writes; `object` outlives the call.
        check(unsafe { libc::ioctl(self.device.0.as_raw_fd(), WAIT_ANY, &mut args) }).map(|_| ())
    }
}
