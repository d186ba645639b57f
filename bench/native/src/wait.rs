// SPDX-License-Identifier: GPL-2.0-only
//! How a reader waits: sleeping in epoll against polling the lane.

use crate::lane::Cursor;
use crate::lanes::Lanes;
use crate::subjects::median;
use crate::{bpf, machine, run};
use anyhow::{Context, Result, anyhow};
use libbpf_rs::RingBufferBuilder;
use nix::time::{ClockId, clock_gettime};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const EVENTS: u64 = 1000;
/// A mouse of 2 kHz.
const PERIOD: Duration = Duration::from_micros(500);
/// Longer than any event takes to come.
const PATIENCE: Duration = Duration::from_millis(100);

pub struct Waited {
    pub how: &'static str,
    /// Event written to event read, microseconds.
    pub median_us: f64,
    pub p99_us: f64,
    /// CPU time of the reader, of the time that passed.
    pub cpu_share: f64,
}

pub fn measure() -> Result<Vec<Waited>> {
    Ok(vec![one("epoll", true)?, one("busy polling", false)?])
}

fn now_ns() -> Result<u64> {
    let t = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(Duration::from(t).as_nanos() as u64)
}

fn one(how: &'static str, epoll: bool) -> Result<Waited> {
    let mut object = MaybeUninit::uninit();
    let skel = bpf::load(&mut object)?;
    let lanes = Lanes::map(skel.maps.lanes.as_fd(), machine::CPUS)?;
    let lane = lanes.iter().next().context("no lane")?;
    let mut builder = RingBufferBuilder::new();
    builder.add(&skel.maps.ring_0, |_| 0)?;
    let bell = builder.build().context("mapping the bell")?;
    let prog = skel.progs.event_with_bell.as_fd();
    let (placed, done) = (AtomicBool::new(false), AtomicBool::new(false));
    machine::share()?;
    let mut delays = Vec::new();
    let (begin, cpu) = (Instant::now(), ClockId::CLOCK_THREAD_CPUTIME_ID);
    let cpu_before = Duration::from(clock_gettime(cpu)?);
    std::thread::scope(|scope| -> Result<()> {
        let writer = scope.spawn(|| -> Result<()> {
            let owned = machine::own(0);
            placed.store(true, Ordering::Release);
            owned?;
            for _ in 0..EVENTS {
                std::thread::sleep(PERIOD);
                run::repeat(prog, 1)?;
            }
            done.store(true, Ordering::Release);
            Ok(())
        });
        machine::wait_for(&placed);
        machine::own(1)?;
        let mut cursor = Cursor::default();
        while cursor.read < EVENTS && !(done.load(Ordering::Acquire) && writer.is_finished()) {
            if epoll {
                bell.poll(PATIENCE).context("waiting for the bell")?;
            }
            let mut at = None;
            lane.read(&mut cursor, |record| at = Some(record[0]));
            if let Some(at) = at {
                delays.push(now_ns()?.saturating_sub(at) as f64 / 1e3);
            }
        }
        writer.join().map_err(|_| anyhow!("the writer panicked"))?
    })?;
    let used = Duration::from(clock_gettime(cpu)?).saturating_sub(cpu_before);
    delays.sort_by(f64::total_cmp);
    Ok(Waited {
        how,
        median_us: median(&delays),
        p99_us: delays
            .get(delays.len() * 99 / 100)
            .copied()
            .unwrap_or(f64::NAN),
        cpu_share: used.as_secs_f64() / begin.elapsed().as_secs_f64(),
    })
}
