// SPDX-License-Identifier: GPL-2.0-only
//! Attaches and detaches again and again under load: no stall, and nothing is left behind. Kernel warnings are PID 1's
//! to find. Arguments: `--cycles N`.

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
/// What it may grow by a cycle: less than any page, which is the smallest thing worth leaking.
const LEAK_KIB_A_CYCLE: u64 = 2;
const NOISE_FILES: u64 = 8;
/// Memory of the kernel that grows if something is not freed.
const MEASURES: [&str; 3] = ["SUnreclaim", "VmallocUsed", "Percpu"];

#[derive(Debug, serde::Serialize)]
struct State {
    objects: Objects,
    open_files: u64,
    own_files: u64,
    memory_kib: Vec<u64>,
}

pub fn run(ctx: &Ctx) -> Outcome {
    let cycles = ctx.number("--cycles", CYCLES)?;
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([Worker::hog("hog"), Worker::hog("pinned").on(cpu)]);
        workers.push(Worker::hog("nap").naps(100 * NS_PER_US, NS_PER_MS));
    }
    let load = Load::start(&workers)?;
    let begin = Instant::now();
    (0..WARM_UP).try_for_each(|n| cycle(ctx, n))?;
    let before = state()?;
    let mut slowest = Duration::ZERO;
    for n in 0..cycles {
        let begin = Instant::now();
        cycle(ctx, n)?;
        slowest = slowest.max(begin.elapsed());
    }
    let after = state()?;
    load.finish()?;
    compare(&before, &after, cycles)?;
    Ok(json!({
        "cycles": cycles, "seconds": begin.elapsed().as_secs_f64(),
        "slowest_ms": slowest.as_millis() as u64, "before": before, "after": after,
    }))
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
        memory_kib,
    })
}

fn kib(meminfo: &str, name: &str) -> u64 {
    let line = meminfo
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    line.map_or(0, first_number)
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
    let limit = NOISE_KIB + LEAK_KIB_A_CYCLE * cycles;
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
}
