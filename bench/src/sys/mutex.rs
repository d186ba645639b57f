// SPDX-License-Identifier: GPL-2.0-only
//! The C library's mutex, which engines and their libraries lock: unlike Rust's it stores its owner.

use std::cell::UnsafeCell;

#[derive(Debug)]
pub struct Mutex(UnsafeCell<libc::pthread_mutex_t>);

impl Default for Mutex {
    fn default() -> Self {
        Self(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER))
    }
}

// SAFETY: a mutex is made to be used from several threads; nothing but its own functions touches it.
unsafe impl Sync for Mutex {}
// SAFETY: it is moved only before its first use, while nobody holds it.
unsafe impl Send for Mutex {}

impl Mutex {
    /// Runs `work` while holding it.
    pub fn hold<T>(&self, work: impl FnOnce() -> T) -> T {
        // SAFETY: initialised, of the default kind, and not held by this thread: `hold` is not called within `work`.
        // Such a lock cannot fail.
        unsafe { libc::pthread_mutex_lock(self.0.get()) };
        let result = work();
        // SAFETY: held by this thread since above.
        unsafe { libc::pthread_mutex_unlock(self.0.get()) };
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        const ROUNDS: u64 = 20_000;
        let mutex = Mutex::default();
        static mut COUNT: u64 = 0;
        let add = || {
            for _ in 0..ROUNDS {
                // SAFETY: under the lock that this test is about.
                mutex.hold(|| unsafe { COUNT += 1 });
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(add);
            scope.spawn(add);
        });
        // SAFETY: both writers are gone.
        assert_eq!(unsafe { COUNT }, 2 * ROUNDS);
    }
}
