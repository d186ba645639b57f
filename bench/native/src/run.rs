// SPDX-License-Identifier: GPL-2.0-only
//! Runs a program many times inside the kernel, on one CPU or on two at once.

use crate::machine;
use anyhow::{Result, anyhow, bail};
use libbpf_rs::libbpf_sys::{bpf_prog_test_run_opts, bpf_test_run_opts};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// BENCH_PASS: the program did what it is for.
const PASS: u32 = 2;
/// The least the facility takes: an Ethernet header.
const PACKET: usize = 14;

/// Runs `prog` so often on the calling thread's CPU.
pub fn repeat(prog: BorrowedFd<'_>, times: u32) -> Result<Duration> {
    let packet = [0u8; PACKET];
    let mut opts = bpf_test_run_opts {
        sz: size_of::<bpf_test_run_opts>() as _,
        data_in: packet.as_ptr().cast(),
        data_size_in: PACKET as u32,
        repeat: times as _,
        ..Default::default()
    };
    let begin = Instant::now();
    // SAFETY: the options and the packet outlive the call; the size is given.
    let rc = unsafe { bpf_prog_test_run_opts(prog.as_raw_fd(), &mut opts) };
    let took = begin.elapsed();
    if rc != 0 {
        return Err(anyhow!(
            "running a program: {}",
            std::io::Error::last_os_error()
        ));
    }
    if opts.retval != PASS {
        bail!("a program returned {}", opts.retval);
    }
    Ok(took)
}

/// Threads that leave together. They spin, so that none wakes up late.
struct Gate {
    arrived: AtomicUsize,
    members: usize,
}

impl Gate {
    /// Waits until all members have come for the n-th time, from 1 on.
    fn pass(&self, nth: usize) {
        self.arrived.fetch_add(1, Ordering::AcqRel);
        while self.arrived.load(Ordering::Acquire) < nth * self.members {
            std::hint::spin_loop();
        }
    }
}

/// Nanoseconds a run, for each of `batches` of `times` runs, on CPUs 0..writers at
/// once. Between two batches `rest` is called, on CPU 0, while nobody runs.
pub fn batches(
    prog: BorrowedFd<'_>,
    writers: usize,
    batches: usize,
    times: u32,
    mut rest: impl FnMut() -> Result<()>,
) -> Result<Vec<f64>> {
    let gate = Gate {
        arrived: AtomicUsize::new(0),
        members: writers,
    };
    let gate = &gate;
    let placed: Vec<_> = (1..writers).map(|_| AtomicBool::new(false)).collect();
    machine::share()?;
    let per_run = |took: Duration| took.as_nanos() as f64 / f64::from(times);
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..writers)
            .zip(&placed)
            .map(|(cpu, placed)| {
                scope.spawn(move || -> Result<Vec<f64>> {
                    let owned = machine::own(cpu);
                    placed.store(true, Ordering::Release);
                    let mut all = Vec::with_capacity(batches);
                    for batch in 0..batches {
                        gate.pass(2 * batch + 1);
                        // Even a failed member must come to the gate.
                        all.push(repeat(prog, times).map(per_run));
                        gate.pass(2 * batch + 2);
                    }
                    owned?;
                    all.into_iter().collect()
                })
            })
            .collect();
        placed.iter().for_each(machine::wait_for);
        let owned = machine::own(0);
        let mut all = Vec::with_capacity(batches);
        let mut rested = Ok(());
        for batch in 0..batches {
            gate.pass(2 * batch + 1);
            all.push(repeat(prog, times).map(per_run));
            gate.pass(2 * batch + 2);
            rested = rested.and_then(|()| rest());
        }
        owned?;
        rested?;
        let mut all = all.into_iter().collect::<Result<Vec<f64>>>()?;
        for helper in helpers {
            let theirs = helper.join().map_err(|_| anyhow!("a writer panicked"))??;
            // The mean of those that ran at the same time.
            let share = 1.0 / writers as f64;
            all.iter_mut().zip(theirs).for_each(|(mine, other)| {
                *mine += (other - *mine) * share;
            });
        }
        Ok(all)
    })
}
