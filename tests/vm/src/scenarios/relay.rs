// SPDX-License-Identifier: GPL-2.0-only
//! Work that goes on in a new task every 2 ms, beside as many plain hogs, twice as many as CPUs. It is no way to more
//! than a share, whoever makes the next one: the last, which ends; somebody who only waits for it, be it nice 19 when it
//! ends; or a process in between that has ended before its child.

use crate::load::{Load, Worker, burn};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, thread_cpu_ns};
use photon_bench::sys::process::{pipe, wait};
use photon_bench::sys::sched::{Policy, cpus, set_policy};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const RUN: Duration = Duration::from_secs(2);
/// Less than a slice: whoever makes a thread has not asked for another yet.
const LIFE_NS: u64 = 2 * NS_PER_MS;
/// Of what a plain hog gets.
const MOST: f64 = 1.1;
/// But of those that spend most of their time otherwise: as nice 19, and in forks.
const LEAST: f64 = 0.7;
const SLOWED: [&str; 2] = ["reniced", "orphans"];
/// Of 1,900 that were seen.
const LEAST_LIVES: u64 = 100;

const LOWEST: libc::c_int = 19;

type Line = fn(Arc<Relay>) -> io::Result<()>;

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &[])?;
    let lines: [(&str, Line); 4] = [
        ("heirs", heir),
        ("made", maker),
        ("reniced", renicer),
        ("orphans", orphans),
    ];
    let mut metrics = Map::new();
    for (name, line) in lines {
        metrics.insert(name.into(), beside_hogs(line)?);
    }
    photon.stop()?;
    let metrics = Value::Object(metrics);
    for (name, _) in lines {
        let [times, lives] =
            ["times_a_hogs_share", "lives"].map(|key| metrics[name][key].as_f64().unwrap_or(0.0));
        if times > MOST {
            return Err(Fail::failed(format!("{name} pay: {metrics}")));
        }
        if times < LEAST && !SLOWED.contains(&name) {
            return Err(Fail::failed(format!("{name} pay too much: {metrics}")));
        }
        if lives < LEAST_LIVES as f64 {
            return Err(Fail::failed(format!("{name} did not run: {metrics}")));
        }
    }
    Ok(metrics)
}

/// One such line and one hog a CPU.
fn beside_hogs(line: Line) -> Result<Value, Fail> {
    let relay = Arc::new(Relay::default());
    let hogs = Load::start(&vec![Worker::hog("hog"); cpus()])?;
    for _ in 0..cpus() {
        line(Arc::clone(&relay))?;
    }
    std::thread::sleep(RUN);
    relay.stop.store(true, Ordering::Relaxed);
    let hogs: u64 = hogs.finish()?.iter().map(|d| d.cpu_ns).sum();
    let relayed = relay.ran_ns.load(Ordering::Relaxed);
    let lives = relay.lives.load(Ordering::Relaxed);
    Ok(json!({"times_a_hogs_share": relayed as f64 / hogs.max(1) as f64, "lives": lives}))
}

#[derive(Default)]
struct Relay {
    stop: AtomicBool,
    ran_ns: AtomicU64,
    lives: AtomicU64,
}

impl Relay {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn lived(&self, ran_ns: u64) {
        self.ran_ns.fetch_add(ran_ns, Ordering::Relaxed);
        self.lives.fetch_add(1, Ordering::Relaxed);
    }

    /// What the calling thread is there for.
    fn live(&self) {
        burn(LIFE_NS);
        self.lived(thread_cpu_ns());
    }
}

fn named() -> std::thread::Builder {
    std::thread::Builder::new().name("relay".into())
}

/// Burns, starts the next, and ends.
fn heir(relay: Arc<Relay>) -> io::Result<()> {
    let thread = named().spawn(move || {
        relay.live();
        if !relay.stopped() {
            // Without a thread for it the relay ends, and too few lives are found.
            let _ = heir(relay);
        }
    });
    thread.map(drop)
}

fn maker(relay: Arc<Relay>) -> io::Result<()> {
    make(relay, Relay::live)
}

fn renicer(relay: Arc<Relay>) -> io::Result<()> {
    make(relay, |relay| {
        relay.live();
        // Where it may not, it has a share all the same.
        let _ = set_policy(Policy::Other { nice: LOWEST });
        std::thread::yield_now();
    })
}

/// Makes one after the other, and waits for each.
fn make(relay: Arc<Relay>, live: fn(&Relay)) -> io::Result<()> {
    let thread = named().spawn(move || {
        while !relay.stopped() {
            let next = Arc::clone(&relay);
            match named().spawn(move || live(&next)) {
                Ok(made) => drop(made.join()),
                Err(_) => return,
            }
        }
    });
    thread.map(drop)
}

/// The same with processes that have lost who made them.
fn orphans(relay: Arc<Relay>) -> io::Result<()> {
    let thread = named().spawn(move || {
        while !relay.stopped() {
            match orphan() {
                Ok(ran_ns) => relay.lived(ran_ns),
                Err(_) => return,
            }
        }
    });
    thread.map(drop)
}

/// What it ran for, when it has ended.
fn orphan() -> io::Result<u64> {
    let (read, write) = pipe()?;
    // SAFETY: until it ends the child makes system calls alone.
    let between = unsafe { libc::fork() };
    if between == 0 {
        // SAFETY: as above; and the numbers are numbers.
        unsafe {
            if libc::fork() == 0 {
                burn_and_tell(&write);
            }
            libc::_exit(0)
        }
    }
    drop(write);
    if between < 0 {
        return Err(io::Error::last_os_error());
    }
    wait(between)?;
    let mut ran_ns = [0; size_of::<u64>()];
    File::from(read).read_exact(&mut ran_ns)?;
    Ok(u64::from_ne_bytes(ran_ns))
}

fn burn_and_tell(to: &OwnedFd) {
    burn(LIFE_NS);
    let ran_ns = thread_cpu_ns().to_ne_bytes();
    // SAFETY: as many bytes as there are.
    unsafe { libc::write(to.as_raw_fd(), ran_ns.as_ptr().cast(), ran_ns.len()) };
}
