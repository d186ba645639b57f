// SPDX-License-Identifier: GPL-2.0-only
//! Threads that may hardly ever migrate: they call the kernel again and again, through a filter of system calls as long
//! as the kernel takes, and it runs that with migration disabled. No privilege is needed.

use super::{Amount, Slack};
use crate::photon::Photon;
use crate::scenario::Fail;
use photon_bench::sys::sched::cpus;
use std::io;
use std::time::{Duration, Instant};

// linux/filter.h and linux/seccomp.h: stable.
const ADD: u16 = 0x04;
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const MODE_FILTER: libc::c_int = 2;
/// BPF_MAXINSNS. Additions, because the kernel remembers what a filter of mere comparisons says and does not run it.
const LENGTH: usize = 4096;
/// Two on a CPU: when one leaves it the other is there.
const A_CPU: usize = 2;

/// The number of calls of all of them.
pub fn filters(_: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    let end = Instant::now() + Duration::from_millis(ms);
    let call = || -> io::Result<u64> {
        install()?;
        let mut calls = 0;
        while Instant::now() < end {
            // SAFETY: it takes nothing.
            unsafe { libc::getppid() };
            calls += 1;
        }
        Ok(calls)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..A_CPU * cpus()).map(|_| scope.spawn(call)).collect();
        threads.into_iter().try_fold(0, |sum, thread| {
            let calls = thread.join();
            Ok(sum + calls.map_err(|_| Fail::failed("a thread panicked"))??)
        })
    })
}

/// For this thread, until it ends.
fn install() -> io::Result<()> {
    let step = |code, k| libc::sock_filter {
        code,
        jt: 0,
        jf: 0,
        k,
    };
    let mut steps = vec![step(ADD, 1); LENGTH - 1];
    steps.push(step(RETURN, ALLOW));
    let program = libc::sock_fprog {
        len: LENGTH as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: both read their arguments, which live.
    let failed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, MODE_FILTER, &raw const program) != 0
    };
    match failed {
        true => Err(io::Error::last_os_error()),
        false => Ok(()),
    }
}
