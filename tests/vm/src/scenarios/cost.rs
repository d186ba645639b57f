// SPDX-License-Identifier: GPL-2.0-only
//! What a scheduler's BPF programs cost: instructions of each callback, and of all of them for each time a task is
//! put on a CPU, while the game in a box runs. In virtual time an instruction is a nanosecond, so the kernel's own
//! counting of run times counts instructions, those of the kernel functions a program calls included. A BPF timer's
//! callback is no run of a program and is not counted by the kernel. Where the turn of another virtual CPU falls into a
//! run, all its instructions are counted too, up to some hundred thousand: so it is counted in short windows, and a
//! program's mean is that of the middle half of them.
//! Arguments: those of [`crate::subject`], `--cell P+B`, `--seed N` the first, `--seeds N`, `--ms N`, `--settle-ms N`,
//! `--delay-us N` before the first game, `--window-us N` for other windows, judged by [`clean_mean`], `--budget` to fail
//! above it.

use crate::baseline::empty_program_ns;
use crate::bench;
use crate::killed::Killed;
use crate::programs::{Counting, Program, open_programs, program};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::subject::under;
use photon_bench::budget::{Budget, Measured};
use photon_bench::cell::START_LEAD_NS;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A 60 Hz game, one hog a CPU and two fork loops: no CPU is ever idle, which is when scheduling costs something.
const CELL: &str = "60v+hogs:1+forkstorm:0.5";
/// Many short games tell more than few long ones: what shifts the course of a game shifts all of it.
const MEASURED_MS: u64 = 1_200;
const SEEDS: u64 = 6;
/// By which the game outlives the counting.
const SLACK: Duration = Duration::from_millis(200);
const SETTLE_MS: u64 = 500;
/// Short enough that most windows have no such turn, long enough for a thousand schedules.
const WINDOW_US: u64 = 100_000;
/// A turn of 15 others that falls into ten runs of 2,000 instructions is at least 1.7 times as many (4 CPUs: there is no
/// gap); what such windows differ by themselves is 1.3.
const CLEAN: f64 = 1.5;
/// Of a line `cpuN` in /proc/schedstat: tasks put on that CPU.
const PUT_ON_CPU: usize = 9;

pub fn run(ctx: &Ctx) -> Outcome {
    let budget = budget(ctx)?;
    let baseline = empty_program_ns()?;
    let (_, cost) = under(ctx, || measure(ctx, baseline))?;
    if let Some(budget) = budget {
        let measured: Measured = serde_json::from_value(cost.clone())?;
        let over = budget.over(&series()?, &measured)?;
        if !over.is_empty() {
            return Err(Fail::failed(format!("over budget: {}", over.join("; "))));
        }
    }
    Ok(cost)
}

/// The one to judge by, if that was asked for. A kernel newer than all budgets is nobody's mistake.
fn budget(ctx: &Ctx) -> Result<Option<Budget>, Fail> {
    if !ctx.flag("--budget") {
        return Ok(None);
    }
    let budget = Budget::shipped()?;
    if !budget.kernel.contains_key(&series()?) {
        let what = "no budget for this kernel; `cargo xtask bench cost --update` makes one";
        return Err(Fail::skip(what));
    }
    Ok(Some(budget))
}

/// `7.3` of `7.3.4+deb13-amd64`.
fn series() -> Result<String, Fail> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let parts: Vec<&str> = release.split('.').take(2).collect();
    Ok(parts.join("."))
}

/// Several games after one another: for one of them the sum differs by percents with whatever shifts its course.
fn measure(ctx: &Ctx, baseline: u64) -> Result<Value, Fail> {
    std::thread::sleep(Duration::from_micros(ctx.number("--delay-us", 0)?));
    let first = ctx.number("--seed", 1)?;
    let mut sum = Sum::default();
    for seed in first..first + ctx.number("--seeds", SEEDS)? {
        play(ctx, seed, &mut sum)?;
    }
    let mean = match ctx.option("--window-us") {
        None => middle_mean,
        Some(_) => clean_mean,
    };
    let (mut callbacks, mut probes) = (Vec::new(), Vec::new());
    for (program, windows) in sum.programs.into_values() {
        let runs: u64 = windows.iter().map(|w| w.runs).sum();
        let each = (mean(&windows) - baseline as f64).max(0.0);
        let entry = json!({"name": program.name, "runs": runs, "instructions": (each * runs as f64).round() as u64,
                           "verified": program.verified});
        match program.callback {
            true => callbacks.push(entry),
            false => probes.push(entry),
        }
    }
    Ok(
        json!({"baseline": baseline, "put_on_cpu": sum.put_on_cpu, "callbacks": callbacks, "probes": probes}),
    )
}

/// A program's runs in a window.
struct Window {
    runs: u64,
    ns: u64,
}

/// What was counted, by the ids of programs.
#[derive(Default)]
struct Sum {
    programs: BTreeMap<u32, (Program, Vec<Window>)>,
    put_on_cpu: u64,
}

impl Sum {
    fn add(&mut self, before: &[Program], after: &[Program]) {
        for program in after {
            let earlier = before.iter().find(|p| p.id == program.id);
            let (runs, ns) = earlier.map_or((0, 0), |p| (p.runs, p.ns));
            let window = Window {
                runs: program.runs - runs,
                ns: program.ns - ns,
            };
            let entry = self.programs.entry(program.id);
            let (_, windows) = entry.or_insert_with(|| (program.clone(), Vec::new()));
            windows.push(window);
        }
    }
}

/// Instructions of a run: of the windows that have runs, sorted by their means, the middle half.
fn middle_mean(windows: &[Window]) -> f64 {
    let ran = windows.iter().filter(|w| w.runs > 0);
    let mut means: Vec<f64> = ran.map(|w| w.ns as f64 / w.runs as f64).collect();
    means.sort_by(f64::total_cmp);
    let quarter = means.len() / 4;
    let middle = &means[quarter..means.len() - quarter];
    middle.iter().sum::<f64>() / middle.len().max(1) as f64
}

/// The same where turns fall into most windows, and must be short for some to have none: with 16 CPUs 500 us, of some
/// ten runs. All runs of windows whose mean is at most `CLEAN` times the lower quartile.
fn clean_mean(windows: &[Window]) -> f64 {
    let mean = |w: &Window| w.ns as f64 / w.runs as f64;
    let mut ran: Vec<&Window> = windows.iter().filter(|w| w.runs > 0).collect();
    ran.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    let Some(quartile) = ran.get(ran.len() / 4).map(|w| mean(w)) else {
        return 0.0;
    };
    let clean = ran.iter().filter(|w| mean(w) <= CLEAN * quartile);
    let (ns, runs) = clean.fold((0, 0), |(ns, runs), w| (ns + w.ns, runs + w.runs));
    ns as f64 / runs as f64
}

fn play(ctx: &Ctx, seed: u64, sum: &mut Sum) -> Result<(), Fail> {
    let measured = Duration::from_millis(ctx.number("--ms", MEASURED_MS)?);
    let settle = Duration::from_millis(ctx.number("--settle-ms", SETTLE_MS)?);
    let window = Duration::from_micros(ctx.number("--window-us", WINDOW_US)?);
    let mut game = start(ctx, seed, settle, measured)?;
    std::thread::sleep(Duration::from_nanos(START_LEAD_NS) + settle);
    let counting = Counting::start()?;
    let files = open_programs();
    let read = || -> std::io::Result<Vec<Program>> { files.iter().map(program).collect() };
    let (mut before, put_before, begin) = (read()?, put_on_cpu()?, Instant::now());
    while begin.elapsed() < measured {
        std::thread::sleep(window);
        let after = read()?;
        sum.add(&before, &after);
        before = after;
    }
    let put_after = put_on_cpu()?;
    drop(counting);
    bench::ended(game.0.wait()?)?;
    sum.put_on_cpu += put_after - put_before;
    Ok(())
}

fn start(ctx: &Ctx, seed: u64, settle: Duration, measured: Duration) -> Result<Killed, Fail> {
    let cell = ctx.option("--cell").unwrap_or(CELL);
    let (profile, background) = cell.split_once('+').unwrap_or((cell, "none"));
    let mut command = Command::new(&ctx.photon_bench);
    command.args(["run", "--profile", profile]);
    command.args(["--background", &background.replace('+', ",")]);
    command.args(["--seed", &seed.to_string()]);
    command.args(["--settle", &settle.as_secs_f64().to_string()]);
    let seconds = (measured + SLACK).as_secs_f64();
    command.args(["--seconds", &seconds.to_string()]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    Ok(Killed(child))
}

/// Times any task but an idle one was put on any CPU, by core scheduler code.
fn put_on_cpu() -> Result<u64, Fail> {
    let text = std::fs::read_to_string("/proc/schedstat")?;
    sum_put_on_cpu(&text).ok_or_else(|| Fail::failed("/proc/schedstat: not the form known here"))
}

fn sum_put_on_cpu(text: &str) -> Option<u64> {
    let cpus = text.lines().filter(|l| l.starts_with("cpu"));
    let counts: Option<Vec<u64>> = cpus
        .map(|l| l.split(' ').nth(PUT_ON_CPU)?.parse().ok())
        .collect();
    counts.filter(|c| !c.is_empty()).map(|c| c.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn games_add_up() {
        let program = |id, runs, ns| Program {
            id,
            name: String::new(),
            callback: true,
            verified: 7,
            runs,
            ns,
        };
        let mut sum = Sum::default();
        sum.add(
            &[program(1, 10, 1000)],
            &[program(1, 12, 1500), program(2, 1, 30)],
        );
        sum.add(&[program(1, 12, 1500)], &[program(1, 13, 1600)]);
        let counted = |id: u32| {
            let windows = &sum.programs[&id].1;
            (
                windows.iter().map(|w| w.runs).sum::<u64>(),
                middle_mean(windows),
            )
        };
        assert_eq!((counted(1), counted(2)), ((3, 175.0), (1, 30.0)));
    }

    #[test]
    fn a_turn_of_another_cpu_does_not_count() {
        let window = |runs, ns| Window { runs, ns };
        let mut windows: Vec<Window> = (0..8).map(|_| window(100, 5_000)).collect();
        windows.push(window(100, 900_000));
        windows.push(window(0, 0));
        assert_eq!(middle_mean(&windows), 50.0);
        assert_eq!(middle_mean(&[]), 0.0);
        windows.extend((0..9).map(|_| window(10, 9_000)));
        windows.push(window(50, 3_500));
        assert_eq!(clean_mean(&windows), 43_500.0 / 850.0);
        assert_eq!(clean_mean(&[]), 0.0);
    }

    #[test]
    fn times_on_a_cpu_are_the_last_field() {
        let text = "version 17\ntimestamp 4\ncpu0 0 0 0 0 0 0 11 12 13\ndomain0 MC 3 1 2\ncpu1 0 0 0 0 0 0 1 2 4\n";
        assert_eq!(sum_put_on_cpu(text), Some(17));
        assert_eq!(sum_put_on_cpu("version 17\n"), None);
        assert_eq!(sum_put_on_cpu("cpu0 1 2\n"), None);
    }
}
