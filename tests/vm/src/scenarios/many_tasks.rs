// SPDX-License-Identifier: GPL-2.0-only
//! Many tasks created and gone: each has a context from the pool and gives it back, nobody is left without one, and the
//! memory of the scheduler's maps does not grow. Arguments: `--tasks N` (default 20,000), `--alive N` at a time.

use crate::bpf::{Attr, MAP_GET_FD_BY_ID, MAP_GET_NEXT_ID, bpf, ids};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::fs::File;
use std::os::fd::FromRawFd;
use std::sync::Barrier;
use std::thread::Builder;

const TASKS: u64 = 20_000;
/// What fits into the machine's memory with all that the kernel keeps of a thread.
const ALIVE: u64 = 4000;
/// The least a thread may have.
const STACK: usize = 16 * 1024;
/// Threads of others that came or went meanwhile.
const OTHERS: u64 = 32;

pub fn run(ctx: &Ctx) -> Outcome {
    let tasks = ctx.number("--tasks", TASKS)?;
    let alive = ctx.number("--alive", ALIVE)?.min(tasks);
    let photon = Photon::start(ctx, &STATS)?;
    let before = Sample::settled(&photon)?;
    let memory = map_memory()?;
    let mut most = memory;
    for _ in 0..tasks / alive {
        most = most.max(wave(alive as usize)?);
    }
    let after = Sample::settled(&photon)?;
    photon.stop()?;
    let delta =
        |name: &str| -> Result<u64, Fail> { Ok(after.counter(name)? - before.counter(name)?) };
    let (taken, given) = (delta("context_alloc")?, delta("context_free")?);
    let missing = after.counter("ctx_missing")?;
    let figures = json!({"taken": taken, "given_back": given, "missing": missing,
        "map_bytes": memory, "map_bytes_at_most": most});
    let wrong = [
        (taken < tasks / alive * alive, "fewer contexts than tasks"),
        (
            taken.abs_diff(given) > OTHERS,
            "contexts were not given back",
        ),
        (missing > 0, "tasks without a context"),
        (most != memory, "maps grew"),
    ];
    match wrong.iter().find(|(is, _)| *is) {
        Some((_, what)) => Err(Fail::failed(format!("{what}: {figures}"))),
        None => Ok(figures),
    }
}

/// So many threads at once, each of which sleeps and is woken; the memory of all maps while they live.
fn wave(alive: usize) -> Result<u64, Fail> {
    let (born, done) = (Barrier::new(alive + 1), Barrier::new(alive + 1));
    std::thread::scope(|scope| {
        for _ in 0..alive {
            let life = || {
                born.wait();
                done.wait();
            };
            let thread = Builder::new().stack_size(STACK);
            if let Err(e) = thread.spawn_scoped(scope, life) {
                // The others wait for it for ever.
                eprintln!("making a thread: {e}");
                std::process::abort();
            }
        }
        born.wait();
        let memory = map_memory();
        done.wait();
        memory
    })
}

/// What the kernel accounts to all BPF maps.
fn map_memory() -> Result<u64, Fail> {
    let mut sum = 0;
    for id in ids(MAP_GET_NEXT_ID) {
        let mut attr = Attr {
            words: [id, 0],
            pointer: 0,
        };
        // A map may be gone by now.
        let Ok(fd) = bpf(MAP_GET_FD_BY_ID, &mut attr) else {
            continue;
        };
        // SAFETY: a fresh descriptor that nobody else owns.
        let _file = unsafe { File::from_raw_fd(fd) };
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?;
        let line = text.lines().find_map(|l| l.strip_prefix("memlock:"));
        let bytes: u64 = line.unwrap_or_default().trim().parse().unwrap_or(0);
        sum += bytes;
    }
    match sum {
        0 => Err(Fail::failed("the kernel accounts nothing to the maps")),
        bytes => Ok(bytes),
    }
}
