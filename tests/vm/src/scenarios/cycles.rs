// SPDX-License-Identifier: GPL-2.0-only
//! Attaches and detaches again and again under load: no stall, and nothing is left behind. Kernel warnings are PID 1's
//! to find. Arguments: `--cycles N`; `--idle` leaves the load away, which takes most of the time.

use crate::bpf::{Objects, objects};
use crate::load::{Load, Worker, cpus};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use serde_json::json;
use std::time::{Duration, Instant};

const CYCLES: u64 = 200;
/// The first ones fill caches and pools that stay.
const WARM_UP: u64 = 3;
const ATTACHED: Duration = Duration::from_millis(20);
/// The kernel frees some of what was loaded a moment later.
const SETTLE: Duration = Duration::from_secs(2);
/// What a measure may grow by in all: noise of the machine, in KiB.
const NOISE_KIB: u64 = 2048;
/// What it may grow by a cycle besides: so little that with the noise 1,000 cycles show a leak of one page each.
const LEAK_KIB_A_CYCLE: u64 = 1;
const NOISE_FILES: u64 = 8;
/// Kernel workers come and go by themselves.
const NOISE_TASKS: u64 = 16;
/// Memory that grows if something is not freed: the kernel's, and that of whatever process stays.
const MEASURES: [&str; 5] = [
    "SUnreclaim",
    "VmallocUsed",
    "Percpu",
    "KernelStack",
    "AnonPages",
];
const RUN_DIR: &str = "/run/scx_photon";

#[derive(Debug, serde::Serialize)]
struct State {
    objects: Objects,
    open_files: u64,
    own_files: u64,
    /// Of this process, which starts and stops them all.
    own_kib: u64,
    /// Left by the daemon for the next one, or for whoever looks into it.
    run_files: u64,
    tasks: u64,
    memory_kib: Vec<u64>,
}

pub fn run(ctx: &Ctx) -> Outcome {
    let cycles = ctx.number("--cycles", CYCLES)?;
    let load = match ctx.args.iter().any(|a| a == "--idle") {
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
    let stopped = photon.stop()?;
    match stopped.code {
        Some(0) => Ok(()),
        code => Err(Fail::failed(format!(
            "cycle {n}: exit code {code:?}: {}",
            stopped.log
        ))),
    }
}

fn state() -> Result<State, Fail> {
    std::thread::sleep(SETTLE);
    let meminfo = std::fs::read_to_string("/proc/meminfo")?;
    let memory_kib = MEASURES.iter().map(|name| kib(&meminfo, name)).collect();
    let open = std::fs::read_to_string("/proc/sys/fs/file-nr")?;
    Ok(State {
        objects: objects(),
        open_files: first_number(&open),
        own_files: std::fs::read_dir("/proc/self/fd")?.count() as u64,
        own_kib: kib(&std::fs::read_to_string("/proc/self/status")?, "VmRSS"),
        run_files: std::fs::read_dir(RUN_DIR).map_or(0, Iterator::count) as u64,
        tasks: tasks(&std::fs::read_to_string("/proc/loadavg")?),
        memory_kib,
    })
}

fn kib(meminfo: &str, name: &str) -> u64 {
    let line = meminfo
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    line.map_or(0, first_number)
}

/// All there are, from the fourth word of /proc/loadavg: `0.00 0.00 0.00 1/77 123`.
fn tasks(loadavg: &str) -> u64 {
    let counts = loadavg.split_whitespace().nth(3);
    let all = counts.and_then(|c| c.split_once('/'));
    all.map_or(0, |(_, all)| first_number(all))
}

fn first_number(text: &str) -> u64 {
    let word = text.split_whitespace().next();
    word.and_then(|w| w.parse().ok()).unwrap_or(0)
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
    if after.tasks > before.tasks + NOISE_TASKS {
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
        assert_eq!(kib(text, "SUnreclaim"), 77);
        assert_eq!(kib(text, "Percpu"), 0);
    }

    #[test]
    fn tasks_are_counted() {
        assert_eq!(tasks("0.00 0.01 0.05 1/77 123\n"), 77);
        assert_eq!(tasks(""), 0);
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
            tasks: 70,
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
        assert!(grown(|s| s.tasks += 1000).is_err());
        assert!(grown(|s| s.own_kib += 4 * 1000).is_err());
    }
}
