// SPDX-License-Identifier: GPL-2.0-only
//! Bringing the loopback interface up where nothing else did (a bare test machine).

use super::{check, fd::owned};
use std::io;
use std::os::fd::AsRawFd;

/// Set or clear "up" of `lo`; `true` when that changed something.
pub fn set_loopback(up: bool) -> io::Result<bool> {
    // SAFETY: no memory is passed.
    let socket = owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) })?;
    // SAFETY: an all-zero ifreq is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    // SAFETY: `request` names an interface and is valid for the answer.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &mut request) })?;
    // SAFETY: the call above filled the flags.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    let bit = libc::IFF_UP as libc::c_short;
    let wanted = if up { flags | bit } else { flags & !bit };
    if wanted == flags {
        return Ok(false);
    }
    request.ifr_ifru.ifru_flags = wanted;
    // SAFETY: `request` is valid for reads.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &request) })?;
    Ok(true)
}
