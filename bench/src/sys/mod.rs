// SPDX-License-Identifier: GPL-2.0-only
//! The system calls the bench needs, one idea a file. All `unsafe` of the crate lives here.

pub mod clock;
pub mod fd;
pub mod futex;
pub mod message;
pub mod mutex;
pub mod net;
pub mod ntsync;
pub mod process;
pub mod sched;
pub mod schedstat;
pub mod shm;
pub mod signal;
pub mod uinput;

use std::io;

/// The result of a system call as an `io::Result`.
pub(crate) fn check(ret: libc::c_int) -> io::Result<libc::c_int> {
    if ret < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(ret)
    }
}
