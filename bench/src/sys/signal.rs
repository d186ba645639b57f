// SPDX-License-Identifier: GPL-2.0-only
//! A signal whose only effect is to interrupt a sleeping thread.

use super::check;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

const INTERRUPT: libc::c_int = libc::SIGUSR1;

/// Ctrl-C or a termination came.
static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn nothing(_: libc::c_int) {}

extern "C" fn request_stop(_: libc::c_int) {
    // Relaxed: the flag publishes nothing but itself.
    STOP.store(true, Ordering::Relaxed);
}

/// Whether somebody wants this program to end.
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// Let the interrupting signal end blocking calls of this process's threads.
pub fn install_interrupt() -> io::Result<()> {
    install(INTERRUPT, nothing)
}

/// Let Ctrl-C and a termination end the caller's sleep, so that it can clean up.
pub fn install_stop() -> io::Result<()> {
    install(libc::SIGINT, request_stop)?;
    install(libc::SIGTERM, request_stop)
}

/// Install a handler, without restart of system calls.
fn install(number: libc::c_int, handler: extern "C" fn(libc::c_int)) -> io::Result<()> {
    // SAFETY: an all-zero sigaction is valid; the handlers above touch at most an atomic and so
    // are async-signal-safe.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as libc::sighandler_t;
        check(libc::sigaction(number, &action, std::ptr::null_mut()))?;
    }
    Ok(())
}

/// Interrupt a thread of this process. One that has ended is no error.
pub fn interrupt(tid: i32) {
    // SAFETY: no memory is passed.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, INTERRUPT) };
}

/// `true` when a blocking call ended because of a signal; other errors are passed on.
pub fn interrupted<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(None),
        Err(e) => Err(e),
    }
}
