// SPDX-License-Identifier: GPL-2.0-only
//! Memory shared by this process and the children it forks afterwards.

use std::io;
use std::ops::Deref;
use std::ptr::NonNull;

/// Types whose all-zero bytes are a valid value and which may be used by several processes.
///
/// # Safety
/// The implementer promises both, and that the type needs no drop.
pub unsafe trait Shareable: Sync {}

// SAFETY: atomics are plain integers; zero is a value of theirs.
unsafe impl Shareable for std::sync::atomic::AtomicU64 {}
// SAFETY: two integers, of which zero is a value.
unsafe impl Shareable for crate::gate::Gate {}

/// One `T`, zero-initialised and shared over `fork`.
#[derive(Debug)]
pub struct Shared<T: Shareable>(NonNull<T>);

// SAFETY: only `&T` is handed out, and `T` is `Sync`.
unsafe impl<T: Shareable> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Shareable> Sync for Shared<T> {}

impl<T: Shareable> Shared<T> {
    pub fn new() -> io::Result<Self> {
        // SAFETY: a fresh anonymous mapping; page alignment suffices for any `T` used here.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<T>().max(1),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(at.cast())
            .map(Self)
            .ok_or_else(|| io::Error::other("mapping at address zero"))
    }
}

impl<T: Shareable> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the mapping lives as long as `self` and zero bytes are a valid `T`.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Shareable> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: unmaps exactly what `new` mapped.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<T>().max(1)) };
    }
}
