// SPDX-License-Identifier: GPL-2.0-only
//! Busy threads beside a scenario, which notice how long they wait. They burn in the bench's one busy loop, so that an
//! emulator with virtual time lets all CPUs advance together.

use crate::scenario::Fail;
use photon_bench::burn::{Burner, Window};
use photon_bench::sys::clock::{self, NS_PER_MS, mono_ns, sleep_until};
use photon_bench::sys::sched::{NORMAL, Policy, cpus, set_policy};
use std::io;
use std::ops::Range;
use std::os::unix::thread::JoinHandleExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A hog looks at the stop flag this often, in its own CPU time.
const CHUNK_NS: u64 = 10 * NS_PER_MS;
/// Every thread sleeps once before it begins: a changed policy takes effect on a wakeup, and all begin together.
const SETTLE_NS: u64 = 5 * NS_PER_MS;
/// Between two looks at whether all go on: shorter than most naps, and no load of its own.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

const ALWAYS: Window = Window {
    from_ns: 0,
    to_ns: u64::MAX,
    stop_ns: u64::MAX,
};

/// What a thread does: it burns `burst_ns`, sleeps `pause_ns`, and so on. Without a pause it is a hog.
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    pub name: &'static str,
    pub policy: Policy,
    pub cpu: Option<usize>,
    pub burst_ns: u64,
    pub pause_ns: u64,
    /// Instead of a pause: begin anew at every multiple of this on the clock, so that several wake at one moment.
    pub period_ns: u64,
    /// After each burst it lets others run.
    pub yields: bool,
}

impl Worker {
    pub fn hog(name: &'static str) -> Self {
        Worker {
            name,
            policy: NORMAL,
            cpu: None,
            burst_ns: CHUNK_NS,
            pause_ns: 0,
            period_ns: 0,
            yields: false,
        }
    }

    pub fn on(self, cpu: usize) -> Self {
        Worker {
            cpu: Some(cpu),
            ..self
        }
    }

    pub fn policy(self, policy: Policy) -> Self {
        Worker { policy, ..self }
    }

    pub fn every(self, period_ns: u64, burst_ns: u64) -> Self {
        Worker {
            burst_ns,
            period_ns,
            ..self
        }
    }

    pub fn naps(self, burst_ns: u64, pause_ns: u64) -> Self {
        Worker {
            burst_ns,
            pause_ns,
            ..self
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub name: &'static str,
    /// From the moment it was due to begin to its end.
    pub wall_ns: u64,
    pub cpu_ns: u64,
    /// The longest time it wanted to run and did not.
    pub max_wait_ns: u64,
}

type Thread = JoinHandle<io::Result<Done>>;

pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<Thread>,
}

impl Load {
    pub fn start(workers: &[Worker]) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for worker in workers.iter().copied() {
            let stop = Arc::clone(&stop);
            let thread = std::thread::Builder::new()
                .name(worker.name.to_string())
                .spawn(move || work(worker, &stop))?;
            threads.push(thread);
        }
        Ok(Load { stop, threads })
    }

    /// CPU time of each thread so far, ns, in the order of its worker.
    pub fn cpu_ns(&self) -> Result<Vec<u64>, Fail> {
        let mut all = Vec::new();
        for thread in &self.threads {
            let mut clock = 0;
            // SAFETY: the handle is not joined yet, so the thread's number is valid; the call writes one clockid_t.
            let rc = unsafe { libc::pthread_getcpuclockid(thread.as_pthread_t(), &mut clock) };
            if rc != 0 {
                return Err(Fail::failed(io::Error::from_raw_os_error(rc).to_string()));
            }
            all.push(clock::read(clock));
        }
        Ok(all)
    }

    /// CPU seconds of each thread so far, on average.
    pub fn mean_cpu_s(&self) -> Result<f64, Fail> {
        let all: u64 = self.cpu_ns()?.iter().sum();
        Ok(all as f64 / clock::NS_PER_SEC as f64 / self.threads.len().max(1) as f64)
    }

    /// Waits, for `limit` at most, until each thread has run since it had so much CPU time. Names one that has not, for
    /// which `finish` would wait.
    pub fn goes_on(&self, since: &[u64], limit: Duration) -> Result<(), Fail> {
        let begin = Instant::now();
        loop {
            let now = self.cpu_ns()?;
            let mut threads = self.threads.iter().zip(since.iter().zip(&now));
            // Who has ended has an error for `finish` to tell.
            let is_lost = |(thread, (before, now)): &(&Thread, (&u64, &u64))| {
                !thread.is_finished() && now <= before
            };
            let Some((lost, _)) = threads.find(is_lost) else {
                return Ok(());
            };
            if begin.elapsed() > limit {
                let who = lost.thread().name().unwrap_or_default();
                return Err(Fail::failed(format!(
                    "a {who} is lost: it has not run for {limit:?}"
                )));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    pub fn finish(mut self) -> Result<Vec<Done>, Fail> {
        self.stop.store(true, Ordering::Relaxed);
        let mut done = Vec::new();
        for thread in self.threads.drain(..) {
            let result = thread
                .join()
                .map_err(|_| Fail::failed("a load thread panicked"))?;
            done.push(result?);
        }
        Ok(done)
    }
}

impl Drop for Load {
    /// A scenario that fails half way must not go on burning.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn work(worker: Worker, stop: &AtomicBool) -> io::Result<Done> {
    if let Some(cpu) = worker.cpu {
        pin(cpu)?;
    }
    set_policy(worker.policy)?;
    let mut burner = Burner::new(ALWAYS);
    let begin = first_due(mono_ns(), worker.period_ns);
    let mut due = begin;
    sleep_until(due)?;
    loop {
        let now = mono_ns();
        burner.waited(now, now.saturating_sub(due));
        burner.burn(worker.burst_ns);
        let ended = mono_ns();
        due = match worker.period_ns {
            0 => ended + worker.pause_ns,
            period => next_multiple(ended, period),
        };
        if due > ended {
            sleep_until(due)?;
        } else if worker.yields {
            std::thread::yield_now();
        }
        // Not before the first burst: a load that did nothing proves nothing, and its period may begin late.
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(Done {
        name: worker.name,
        wall_ns: mono_ns() - begin,
        cpu_ns: burner.cpu_ns,
        max_wait_ns: burner.max_gap_ns,
    })
}

/// With a period, at a multiple of it from the first time on: a first burst at any other moment may end just before the
/// second begins, so that two real-time bursts of 300 ms were one of 600 for who waited.
fn first_due(now: u64, period_ns: u64) -> u64 {
    match period_ns {
        0 => now + SETTLE_NS,
        period => next_multiple(now + SETTLE_NS, period),
    }
}

fn next_multiple(now: u64, period_ns: u64) -> u64 {
    (now / period_ns + 1) * period_ns
}

/// Burns so much CPU time of the calling thread.
pub fn burn(ns: u64) {
    Burner::new(ALWAYS).burn(ns);
}

/// The CPUs of each last-level cache; one that holds no range of CPUs makes several.
pub fn llcs() -> Vec<Range<usize>> {
    let cache = |cpu: usize| {
        let dir = format!("/sys/devices/system/cpu/cpu{cpu}/cache/index3");
        std::fs::read_to_string(format!("{dir}/shared_cpu_list")).unwrap_or_default()
    };
    let mut llcs: Vec<(String, Range<usize>)> = Vec::new();
    for cpu in 0..cpus() {
        match (cache(cpu), llcs.last_mut()) {
            (name, Some((last, range))) if *last == name => range.end = cpu + 1,
            (name, _) => llcs.push((name, cpu..cpu + 1)),
        }
    }
    llcs.into_iter().map(|(_, range)| range).collect()
}

/// Binds the calling thread to one CPU.
pub fn pin(cpu: usize) -> io::Result<()> {
    bind(cpu..cpu + 1)
}

/// Takes a binding back.
pub fn allow_all() -> io::Result<()> {
    bind(0..libc::CPU_SETSIZE as usize)
}

/// Binds the calling thread to these CPUs.
pub fn bind(cpus: Range<usize>) -> io::Result<()> {
    bind_thread(0, cpus)
}

/// Binds that thread to these CPUs.
pub fn bind_thread(tid: libc::pid_t, cpus: Range<usize>) -> io::Result<()> {
    // SAFETY: an all-zero cpu_set_t is the empty set; the call reads as many bytes as it is told.
    let rc = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        for cpu in cpus {
            libc::CPU_SET(cpu, &mut set);
        }
        libc::sched_setaffinity(tid, size_of::<libc::cpu_set_t>(), &set)
    };
    result(rc)
}

/// Binds every thread that the process of this directory of /proc has now.
pub fn bind_process(process: &Path, cpus: Range<usize>) -> io::Result<()> {
    for tid in ids(&process.join("task"))? {
        bind_thread(tid, cpus.clone())?;
    }
    Ok(())
}

/// The numbers that are names in this directory: of /proc its processes, of a `task` there its threads.
pub fn ids(directory: &Path) -> io::Result<Vec<libc::pid_t>> {
    let names = std::fs::read_dir(directory)?.flatten();
    Ok(names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect())
}

fn result(rc: libc::c_int) -> io::Result<()> {
    match rc {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_bursts_of_a_period_have_their_gap() {
        const PERIOD: u64 = 500;
        const BURST: u64 = 300;
        for start in 0..PERIOD {
            let first = first_due(start * NS_PER_MS, PERIOD * NS_PER_MS);
            let second = next_multiple(first + BURST * NS_PER_MS, PERIOD * NS_PER_MS);
            assert_eq!(second - first, PERIOD * NS_PER_MS, "{start}");
        }
    }

    #[test]
    fn a_load_that_stops_at_once_has_had_its_burst() {
        let load = Load::start(&[Worker::hog("step").every(50 * NS_PER_MS, NS_PER_MS)]).unwrap();
        assert!(load.finish().unwrap()[0].cpu_ns >= NS_PER_MS);
    }

    #[test]
    fn who_does_not_go_on_is_named() {
        let load = Load::start(&[Worker::hog("late"), Worker::hog("hog")]).unwrap();
        // More than it will ever have had.
        let lost = load.goes_on(&[u64::MAX, 0], 5 * LOOK_AGAIN).unwrap_err();
        assert!(format!("{lost:?}").contains("a late is lost"), "{lost:?}");
        load.goes_on(&[0, 0], Duration::from_secs(10)).unwrap();
        load.finish().unwrap();
    }

    #[test]
    fn a_load_works_and_stops() {
        let load = Load::start(&[
            Worker::hog("hog"),
            Worker::hog("nap").naps(100_000, 1_000_000),
        ])
        .unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let done = load.finish().unwrap();
        assert_eq!(done.len(), 2);
        assert!(done.iter().all(|d| d.cpu_ns > 0), "{done:?}");
        assert!(done[1].cpu_ns < done[1].wall_ns / 2, "{done:?}");
    }
}
