// SPDX-License-Identifier: GPL-2.0-only
//! Futexes on words that may be shared between processes.

use std::io;
use std::sync::atomic::AtomicU32;

/// Sleep while `word` holds `expected`. Returns `Ok` on a wake-up and when the value differed,
/// `Interrupted` on a signal.
pub fn wait(word: &AtomicU32, expected: u32) -> io::Result<()> {
    // SAFETY: the word outlives the call and a null timeout means none.
    let ret = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            std::ptr::null::<libc::timespec>(),
        )
    };
    if ret == 0 {
        return Ok(());
    }
    let err = io::Error::last_os_error();
    match err.raw_os_error() {
        Some(libc::EAGAIN) => Ok(()),
        _ => Err(err),
    }
}

/// Wake up to `count` sleepers.
pub fn wake(word: &AtomicU32, count: i32) {
    // SAFETY: waking touches only the address; a wrong count is not possible in the type.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
}
