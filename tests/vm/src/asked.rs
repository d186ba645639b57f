// SPDX-License-Identifier: GPL-2.0-only
//! The daemon's sockets, without the program in between: a line of JSON each way.

use crate::scenario::Fail;
use photon_bench::sys::process::{fork, wait};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
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

/// The line that answers a process of that user's; else what went wrong there.
pub fn ask_as(user: u32, socket: &str, request: &str) -> Result<String, Fail> {
    let (mut here, mut there) = UnixStream::pair()?;
    let body = || {
        let line = match become_user(user) {
            true => ask(socket, request),
            false => Err(io::Error::last_os_error()),
        };
        let text = line.unwrap_or_else(|e| format!("no answer: {e}"));
        i32::from(there.write_all(text.as_bytes()).is_err())
    };
    // SAFETY: it makes system calls and allocates; it prints nothing.
    let child = unsafe { fork(body) }?;
    // Its own copy is the last one, and goes with it.
    drop(there);
    let mut line = String::new();
    let read = here.read_to_string(&mut line);
    let (_, code) = wait(child)?;
    read?;
    match code {
        0 => Ok(line),
        _ => Err(Fail::failed(format!(
            "who asked {socket} ended with {code}"
        ))),
    }
}

/// Waits neither for room among those that the daemon has not accepted yet nor, later, for its answers.
pub fn connect_at_once(socket: &str) -> io::Result<UnixStream> {
    // SAFETY: integers only, and zero is a value of each.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    // The last byte stays zero.
    let room = address.sun_path.len() - 1;
    for (to, from) in address.sun_path.iter_mut().take(room).zip(socket.bytes()) {
        *to = from as libc::c_char;
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(libc::AF_UNIX, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made the descriptor for us.
    let stream = unsafe { UnixStream::from_raw_fd(fd) };
    let bytes = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    let address = std::ptr::from_ref(&address).cast::<libc::sockaddr>();
    // SAFETY: the address lives until the end of this function; the call reads as many bytes as it is told.
    match unsafe { libc::connect(stream.as_raw_fd(), address, bytes) } {
        0 => Ok(stream),
        _ => Err(io::Error::last_os_error()),
    }
}

/// For a child that was forked for it: there is no way back.
pub fn become_user(user: u32) -> bool {
    // SAFETY: no pointers. The group first, while we may; last, to die with the parent, which a new user forgets.
    unsafe {
        libc::setgid(user) == 0
            && libc::setuid(user) == 0
            && libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) == 0
    }
}

/// Does this hold in a process of that user's?
pub fn holds_for(user: u32, check: impl FnOnce() -> bool) -> Result<bool, Fail> {
    const HOLDS: i32 = 0;
    const FAILS: i32 = 1;
    let body = || match become_user(user) && check() {
        true => HOLDS,
        false => FAILS,
    };
    // SAFETY: the checks make system calls and allocate; they print nothing.
    let child = unsafe { fork(body) }?;
    Ok(wait(child)?.1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_connection_waits_for_nothing() {
        let path = std::env::temp_dir().join(format!("photon-asked-{}", std::process::id()));
        let name = path.display().to_string();
        assert!(connect_at_once(&name).is_err(), "nobody listens");
        let listener = UnixListener::bind(&path).unwrap();
        let mut client = connect_at_once(&name).unwrap();
        let read = client.read(&mut [0]).map_err(|e| e.kind());
        assert_eq!(read, Err(io::ErrorKind::WouldBlock));
        client.write_all(b"!").unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut said = [0];
        server.read_exact(&mut said).unwrap();
        assert_eq!(said, *b"!");
        std::fs::remove_file(&path).unwrap();
    }
}
