// SPDX-License-Identifier: GPL-2.0-only
//! The daemon's sockets, without the program in between: a line of JSON each way.

use crate::scenario::Fail;
use photon_bench::sys::process::{fork, wait};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Anybody may ask.
pub const PUBLIC: &str = "/run/scx_photon/socket";
/// Beside a flood the next window of requests has to begin first.
const ANSWER: Duration = Duration::from_secs(5);

/// The line that answers.
pub fn ask(socket: &str, request: &str) -> io::Result<String> {
    let mut client = UnixStream::connect(socket)?;
    client.set_read_timeout(Some(ANSWER))?;
    writeln!(client, "{request}")?;
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line)?;
    Ok(line)
}

/// Does this hold in a process of that user's?
pub fn holds_for(user: u32, check: impl FnOnce() -> bool) -> Result<bool, Fail> {
    const HOLDS: i32 = 0;
    const FAILS: i32 = 1;
    let body = || {
        // SAFETY: no pointers; group first, while we may.
        let became = unsafe { libc::setgid(user) == 0 && libc::setuid(user) == 0 };
        match became && check() {
            true => HOLDS,
            false => FAILS,
        }
    };
    // SAFETY: the checks make system calls and allocate; they print nothing.
    let child = unsafe { fork(body) }?;
    Ok(wait(child)?.1 == 0)
}
