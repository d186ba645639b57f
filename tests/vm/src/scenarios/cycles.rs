// SPDX-License-Identifier: GPL-2.0-only
//! Attaches and detaches again and again under load: no stall, and nothing is left behind. Kernel warnings are PID 1's
//! to find. Arguments: `--cycles N`; `--idle` leaves the load away, which takes most of the time.

use crate::bpf::{Objects, objects};
use crate::latch::RUN_DIR;
use crate::load::{Load, Worker};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::cpus;
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const CYCLES: u64 = 200;
/// The first ones fill caches and pools that stay.
const WARM_UP: u64 = 3;
const ATTACHED: Duration = Duration::from_millis(20);
/// The kernel frees some of what was loaded a moment later: as soon as twice in a row the same is left, but at least the
/// first and at most the second.
const SETTLE: Duration = Duration::from_secs(2);
const SETTLES: Duration = Duration::from_secs(30);
/// What a measure may grow by in all: noise of the machine, in KiB.
const NOISE_KIB: u64 = 2048;
/// What it may grow by a cycle besides: so little that with the noise 1,000 cycles show a leak of one page each.
const LEAK_KIB_A_CYCLE: u64 = 1;
const NOISE_FILES: u64 = 8;
/// Other kernel threads and the load's own come and go by a few.
const NOISE_TASKS: u64 = 8;
/// A thread of a workqueue's pool. Of these there are as many as there ever were works that slept at once, for five
/// minutes (`IDLE_WORKER_TIMEOUT` in the kernel's workqueue.c): each map is freed by a work of its own, which sleeps, so
/// that 20 cycles leave up to 16 of them a CPU. They tell how many were freed at once, not what was not freed.
const POOL_WORKER: &str = "kworker/";
/// Memory that grows if something is not freed: the kernel's, and that of whatever process stays.
const MEASURES: [&str; 5] = [
    "SUnreclaim",
    "VmallocUsed",
    "Percpu",
    "KernelStack",
    "AnonPages",
];

#[derive(Debug, serde::Serialize)]
struct State {
    objects: Objects,
    open_files: u64,
    own_files: u64,
    /// Of this process, which starts and stops them all.
    own_kib: u64,
    /// Left by the daemon for the next one, or for whoever looks into it.
    run_files: u64,
    /// How many threads have a name, but for those of workqueue pools.
    tasks: BTreeMap<String, u64>,
    memory_kib: Vec<u64>,
}

pub fn run(ctx: &Ctx) -> Outcome {
    let cycles = ctx.number("--cycles", CYCLES)?;
    let load = match ctx.flag("--idle") {
        true => None,
        false => Some(busy()?),
    };
    let begin = Instant::now();
    many(ctx, WARM_UP)?;
    let before = state()?;
    let first = many(ctx, cycles / 2)?;
    let middle = state()?;
    ctx.log(format!("{before:?}, after {} {middle:?}", cycles / 2));
    let second = many(ctx, cycles - cycles / 2)?;
    let after = state()?;
    load.map(Load::finish).transpose()?;
    compare(&before, &after, cycles)?;
    compare(&middle, &after, cycles - cycles / 2)?;
    Ok(json!({
        "cycles": cycles, "seconds": begin.elapsed().as_secs_f64(),
        "slowest_ms": first.max(second).as_millis() as u64,
        "measures": MEASURES, "before": before, "middle": middle, "after": after,
    }))
}

fn busy() -> Result<Load, Fail> {
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([Worker::hog("hog"), Worker::hog("pinned").on(cpu)]);
        workers.push(Worker::hog("nap").naps(100 * NS_PER_US, NS_PER_MS));
    }
    Ok(Load::start(&workers)?)
}

/// The longest of them.
fn many(ctx: &Ctx, cycles: u64) -> Result<Duration, Fail> {
    let mut slowest = Duration::ZERO;
    for n in 0..cycles {
        let begin = Instant::now();
        cycle(ctx, n)?;
        slowest = slowest.max(begin.elapsed());
    }
    Ok(slowest)
}

fn cycle(ctx: &Ctx, n: u64) -> Result<(), Fail> {
    let photon = Photon::start(ctx, &[])?;
    std::thread::sleep(ATTACHED);
    let stopped = photon.stop();
    stopped.map_err(|f| f.in_context(&format!("cycle {n}")))?;
    Ok(())
}

/// What is loaded when that does not change any more.
pub fn settled() -> Objects {
    let begin = Instant::now();
    std::thread::sleep(SETTLE);
    let mut last = objects();
    loop {
        std::thread::sleep(SETTLE / 2);
        let now = objects();
        if now == last || begin.elapsed() > SETTLES {
            return now;
        }
        last = now;
    }
}

fn state() -> Result<State, Fail> {
    let objects = settled();
    let meminfo = std::fs::read_to_string("/proc/meminfo")?;
    let memory_kib = MEASURES.iter().map(|name| kib(&meminfo, name));
    let memory_kib = memory_kib.collect::<Result<_, _>>()?;
    let open = std::fs::read_to_string("/proc/sys/fs/file-nr")?;
    Ok(State {
        objects,
        open_files: first_number(&open)?,
        own_files: std::fs::read_dir("/proc/self/fd")?.count() as u64,
        own_kib: kib(&std::fs::read_to_string("/proc/self/status")?, "VmRSS")?,
        run_files: std::fs::read_dir(RUN_DIR).map_or(0, Iterator::count) as u64,
        tasks: tasks()?,
        memory_kib,
    })
}

/// What is missing must not look like what never grows.
fn kib(meminfo: &str, name: &str) -> Result<u64, Fail> {
    let line = meminfo
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    first_number(line.ok_or_else(|| Fail::failed(format!("this kernel tells no {name}")))?)
}

fn tasks() -> Result<BTreeMap<String, u64>, Fail> {
    let mut tasks = BTreeMap::new();
    for process in std::fs::read_dir("/proc")? {
        let process = process?;
        let is_process = process.file_name().as_encoded_bytes()[0].is_ascii_digit();
        // It may be gone since.
        let (true, Ok(threads)) = (is_process, std::fs::read_dir(process.path().join("task")))
        else {
            continue;
        };
        for thread in threads.flatten() {
            let Ok(comm) = std::fs::read_to_string(thread.path().join("comm")) else {
                continue;
            };
            let name = comm.trim_end();
            if !name.starts_with(POOL_WORKER) {
                *tasks.entry(name.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(tasks)
}

fn first_number(text: &str) -> Result<u64, Fail> {
    let number = text.split_whitespace().next().and_then(|w| w.parse().ok());
    number.ok_or_else(|| Fail::failed(format!("no number: {text}")))
}

fn compare(before: &State, after: &State, cycles: u64) -> Result<(), Fail> {
    let grew = |what: &str| {
        Err(Fail::failed(format!(
            "{what} grew in {cycles} cycles: {before:?} to {after:?}"
        )))
    };
    if after.objects != before.objects {
        return grew("what BPF has loaded");
    }
    if after.own_files != before.own_files || after.open_files > before.open_files + NOISE_FILES {
        return grew("the number of open files");
    }
    if after.run_files != before.run_files {
        return grew("the number of files in its directory");
    }
    if after.tasks.values().sum::<u64>() > before.tasks.values().sum::<u64>() + NOISE_TASKS {
        return grew("the number of tasks");
    }
    let limit = NOISE_KIB + LEAK_KIB_A_CYCLE * cycles;
    if after.own_kib > before.own_kib + limit {
        return grew("the memory of this process");
    }
    for (i, name) in MEASURES.iter().enumerate() {
        if after.memory_kib[i] > before.memory_kib[i] + limit {
            return grew(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read() {
        let text = "MemTotal:  2048 kB\nSUnreclaim:   77 kB\n";
        assert_eq!(kib(text, "SUnreclaim").unwrap(), 77);
        assert!(kib(text, "Percpu").is_err());
    }

    #[test]
    fn tasks_are_counted() {
        let before = tasks().unwrap();
        let named = std::thread::Builder::new().name("counted".to_owned());
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = std::sync::mpsc::channel();
        let thread = named.spawn(move || {
            begun.send(()).unwrap();
            wait.recv()
        });
        has_begun.recv().unwrap();
        let during = tasks().unwrap();
        drop(end);
        thread.unwrap().join().unwrap().unwrap_err();
        assert_eq!(before.get("counted"), None);
        assert_eq!(during.get("counted"), Some(&1));
        assert!(!during.keys().any(|name| name.starts_with(POOL_WORKER)));
    }

    fn state_of(kib: u64) -> State {
        State {
            objects: Objects {
                programs: 0,
                maps: 0,
                links: 0,
                btfs: 5,
            },
            open_files: 6,
            own_files: 4,
            own_kib: 900,
            run_files: 0,
            tasks: BTreeMap::from([("init".to_owned(), 1)]),
            memory_kib: vec![kib; MEASURES.len()],
        }
    }

    #[test]
    fn growth_is_noticed() {
        let before = state_of(9000);
        assert!(compare(&before, &state_of(9000), 1000).is_ok());
        assert!(compare(&before, &state_of(9000 + NOISE_KIB), 1000).is_ok());
        // A page a cycle.
        assert!(compare(&before, &state_of(9000 + 4 * 1000), 1000).is_err());
        let grown = |grow: fn(&mut State)| {
            let mut after = state_of(9000);
            grow(&mut after);
            compare(&before, &after, 1000)
        };
        assert!(grown(|s| s.objects.links = 1).is_err());
        assert!(grown(|s| s.own_files = 5).is_err());
        assert!(grown(|s| s.run_files = 1).is_err());
        assert!(grown(|s| *s.tasks.entry("scx_photon".to_owned()).or_default() += 1000).is_err());
        assert!(grown(|s| s.own_kib += 4 * 1000).is_err());
    }
}
