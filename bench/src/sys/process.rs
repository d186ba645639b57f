// SPDX-License-Identifier: GPL-2.0-only
//! Processes: fork, exec of this program, waiting, and pipes between them.

use super::{check, fd::owned};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// `(read end, write end)`.
pub fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: `fds` has room for the two descriptors.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) })?;
    Ok((owned(fds[0])?, owned(fds[1])?))
}

/// A connected pair of unix sockets: `SOCK_SEQPACKET` keeps messages apart.
pub fn socket_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: `fds` has room for the two descriptors.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) })?;
    Ok((owned(fds[0])?, owned(fds[1])?))
}

/// How many threads this process has.
pub fn threads() -> io::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/task")?.count())
}

/// Fork and run `body` in the child, which exits with its return value. The child dies with its parent.
///
/// # Safety
/// No other thread runs, or `body` takes no lock that one of them may hold: in the child it stays held. glibc sees to the
/// heap.
pub unsafe fn fork(body: impl FnOnce() -> i32) -> io::Result<i32> {
    // SAFETY: the caller has promised it.
    let pid = check(unsafe { libc::fork() })?;
    if pid != 0 {
        return Ok(pid);
    }
    // SAFETY: no memory is passed.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let code = body();
    // SAFETY: ends the child without the parent's exit handlers.
    unsafe { libc::_exit(code) }
}

/// Replace this process by a fresh copy of the program. Returns only on failure.
pub fn exec_self(args: &[String]) -> io::Error {
    let Ok(args) = args
        .iter()
        .map(|a| CString::new(a.as_str()))
        .collect::<Result<Vec<_>, _>>()
    else {
        return io::Error::other("argument with a NUL byte");
    };
    let mut pointers: Vec<*const libc::c_char> = args.iter().map(|a| a.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: a NUL-terminated path and a null-terminated array of NUL-terminated strings.
    unsafe { libc::execv(c"/proc/self/exe".as_ptr(), pointers.as_ptr()) };
    io::Error::last_os_error()
}

/// Keep a descriptor open over exec.
pub fn keep_over_exec(fd: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, 0) }).map(|_| ())
}

/// Make reads of a descriptor return at once.
pub fn set_nonblocking(fd: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) }).map(|_| ())
}

/// Wait for a child (`-1`: any). Its pid and exit code; a signal is reported as 128 + number.
pub fn wait(pid: i32) -> io::Result<(i32, i32)> {
    let mut status = 0;
    loop {
        // SAFETY: `status` is valid for writes.
        match check(unsafe { libc::waitpid(pid, &mut status, 0) }) {
            Ok(pid) if libc::WIFEXITED(status) => return Ok((pid, libc::WEXITSTATUS(status))),
            Ok(pid) => return Ok((pid, 128 + libc::WTERMSIG(status))),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => (),
            Err(e) => return Err(e),
        }
    }
}

/// End a child at once.
pub fn kill(pid: i32) {
    // SAFETY: no memory is passed; a child that has ended is no error.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Block until one of `fds` is readable; which ones are.
pub fn poll_in<const N: usize>(fds: [RawFd; N]) -> io::Result<[bool; N]> {
    let mut polls = fds.map(|fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    });
    // SAFETY: `polls` is valid for reads and writes of its length.
    check(unsafe { libc::poll(polls.as_mut_ptr(), N as libc::nfds_t, -1) })?;
    Ok(polls.map(|p| p.revents & libc::POLLIN != 0))
}

/// As [`poll_in`] for a number of descriptors known only at run time; calls `ready` with indices.
pub fn poll_each(fds: &[RawFd], mut ready: impl FnMut(usize)) -> io::Result<()> {
    let mut polls: Vec<libc::pollfd> = fds
        .iter()
        .map(|fd| libc::pollfd {
            fd: *fd,
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    // SAFETY: `polls` is valid for reads and writes of its length.
    check(unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, -1) })?;
    for (index, poll) in polls.iter().enumerate() {
        if poll.revents & libc::POLLIN != 0 {
            ready(index);
        }
    }
    Ok(())
}
