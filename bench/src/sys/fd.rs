// SPDX-License-Identifier: GPL-2.0-only
//! Event and timer file descriptors, inherited over fork.

use super::{check, clock};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

pub(crate) fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: `fd` is a fresh descriptor nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Read once; the number of bytes.
pub fn read_raw(fd: RawFd, buf: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `buf` is valid for writes of its length.
    let n = unsafe { libc::read(fd, buf.as_mut_ptr().cast(), buf.len()) };
    if n < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(n as usize)
    }
}

/// Write once; the number of bytes.
pub fn write_raw(fd: RawFd, buf: &[u8]) -> io::Result<usize> {
    // SAFETY: `buf` is valid for reads of its length.
    let n = unsafe { libc::write(fd, buf.as_ptr().cast(), buf.len()) };
    if n < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(n as usize)
    }
}

fn read_u64(fd: RawFd) -> io::Result<u64> {
    let mut buf = [0u8; 8];
    read_raw(fd, &mut buf)?;
    Ok(u64::from_ne_bytes(buf))
}

/// A counter that wakes its reader.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no memory is passed.
        owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) }).map(Self)
    }

    /// Block until signalled; the number of signals since the last read.
    pub fn wait(&self) -> io::Result<u64> {
        read_u64(self.0.as_raw_fd())
    }

    /// Signal. The counter cannot overflow in the life of a run, so the write cannot block.
    pub fn signal(&self) -> io::Result<()> {
        write_raw(self.0.as_raw_fd(), &1u64.to_ne_bytes()).map(|_| ())
    }

    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A timer on the monotonic clock with absolute expiry.
#[derive(Debug)]
pub struct TimerFd(OwnedFd);

impl TimerFd {
    pub fn new() -> io::Result<Self> {
        // SAFETY: no memory is passed.
        owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC) }).map(Self)
    }

    /// First expiry at `first_ns`, then every `period_ns` (0: once).
    pub fn arm(&self, first_ns: u64, period_ns: u64) -> io::Result<()> {
        let spec = libc::itimerspec {
            it_interval: clock::timespec(period_ns),
            it_value: clock::timespec(first_ns.max(1)),
        };
        // SAFETY: `spec` is valid for reads and no old value is asked for.
        check(unsafe {
            libc::timerfd_settime(
                self.0.as_raw_fd(),
                libc::TFD_TIMER_ABSTIME,
                &spec,
                std::ptr::null_mut(),
            )
        })
        .map(|_| ())
    }

    /// Block until it expires; the number of expiries since the last read.
    pub fn wait(&self) -> io::Result<u64> {
        read_u64(self.0.as_raw_fd())
    }

    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
