// SPDX-License-Identifier: GPL-2.0-only
//! What several test programs need.

use std::ffi::CStr;
use std::io;

/// Mounts something over `dir`, for the calling process and its children alone: a file system of a kind, or with
/// MS_BIND another directory.
pub fn cover(dir: &CStr, by: &CStr, kind: Option<&CStr>, flags: libc::c_ulong) -> io::Result<()> {
    let kind = kind.map_or(std::ptr::null(), CStr::as_ptr);
    let (none, no_data) = (std::ptr::null(), std::ptr::null());
    // SAFETY: NUL-terminated strings that outlive the calls; null where the kernel takes it for "nothing".
    let rc = unsafe {
        let private = libc::MS_REC | libc::MS_PRIVATE;
        let mut rc = libc::unshare(libc::CLONE_NEWNS);
        if rc == 0 {
            rc = libc::mount(none, c"/".as_ptr(), none, private, no_data);
        }
        if rc == 0 {
            rc = libc::mount(by.as_ptr(), dir.as_ptr(), kind, flags, no_data);
        }
        rc
    };
    match rc {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
