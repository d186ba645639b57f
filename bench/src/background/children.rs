// SPDX-License-Identifier: GPL-2.0-only
//! Backgrounds made of processes: a compile (fork and exec churn) and a fork storm. The parent
//! has one thread, keeps a number of slots filled, and reads each child's account from a pipe.

use crate::burn::{Burner, Window};
use crate::crew::{Ctx, ThreadOut, ThreadReport};
use crate::rng::Stream;
use crate::sys::clock::{NS_PER_MS, mono_ns};
use crate::sys::message;
use crate::sys::process::{exec_self, fork, keep_over_exec, pipe, set_nonblocking, wait};
use crate::sys::sched;
use anyhow::{Context, Result, bail};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// A compiler proper, and one in five a shell, an assembler or a linker.
const COMPILE_MS: u64 = 150;
const COMPILE_CV: f64 = 0.8;
const SHORT_MS: u64 = 5;
const SHORT_ONE_IN: u64 = 5;
/// A child of the fork storm.
const STORM_NS: u64 = NS_PER_MS;
/// The first argument of an exec'ed job, and its name.
pub const JOB_COMMAND: &str = "burn-job";
const JOB_COMM: &str = "cc1";

/// What starts, and how.
struct Churn {
    name: &'static str,
    exec: bool,
    length_ns: fn(&Stream, u64) -> u64,
}

pub fn compile(ctx: &Ctx, slots: usize) -> Result<Vec<ThreadReport>> {
    let churn = Churn {
        name: "compile",
        exec: true,
        length_ns: |draws, job| {
            let short = draws.range(job, 9, 1, SHORT_ONE_IN) == 1;
            let mean = if short { SHORT_MS } else { COMPILE_MS };
            draws.lognormal(job, 0, mean * NS_PER_MS, COMPILE_CV)
        },
    };
    run(ctx, slots, &churn)
}

pub fn fork_storm(ctx: &Ctx, slots: usize) -> Result<Vec<ThreadReport>> {
    let churn = Churn {
        name: "forkstorm",
        exec: false,
        length_ns: |_, _| STORM_NS,
    };
    run(ctx, slots, &churn)
}

fn run(ctx: &Ctx, slots: usize, churn: &Churn) -> Result<Vec<ThreadReport>> {
    sched::set_comm(ctx.comm("make"));
    sched::set_policy(sched::NORMAL)?;
    let (reader, writer) = pipe()?;
    set_nonblocking(&reader)?;
    keep_over_exec(&writer)?;
    let draws = Stream::new(ctx.seed, churn.name, 0);
    let mut out = ThreadOut::default();
    let (mut next, mut running) = (0u64, 0usize);
    loop {
        while running < slots && ctx.running() {
            let length = (churn.length_ns)(&draws, next);
            start(ctx, churn, &writer, length).with_context(|| format!("job {next}"))?;
            (next, running) = (next + 1, running + 1);
        }
        if running == 0 {
            break;
        }
        let (_, code) = wait(-1)?;
        if code != 0 {
            bail!("a job of {} ended with {code}", churn.name);
        }
        running -= 1;
        collect(ctx, &reader, &mut out);
    }
    Ok(vec![ThreadReport {
        role: churn.name.to_string(),
        out,
        stat: None,
    }])
}

fn start(ctx: &Ctx, churn: &Churn, writer: &OwnedFd, length_ns: u64) -> Result<()> {
    let born = mono_ns();
    let window = ctx.window;
    let job = || {
        if !churn.exec {
            return burn_and_tell(
                ctx.comm("fork"),
                length_ns,
                window,
                born,
                writer.as_raw_fd(),
            );
        }
        let numbers = [
            length_ns,
            window.from_ns,
            window.to_ns,
            window.stop_ns,
            born,
        ];
        let mut args = vec!["cc".to_string(), JOB_COMMAND.to_string()];
        args.extend(numbers.map(|n| n.to_string()));
        args.push(writer.as_raw_fd().to_string());
        args.push(ctx.comm(JOB_COMM).to_string());
        eprintln!("photon-bench: exec of a job: {}", exec_self(&args));
        1
    };
    // SAFETY: these backgrounds are processes of their own and start no thread.
    unsafe { fork(job) }.map(|_| ())?;
    Ok(())
}

/// Accounts that have arrived: CPU time, longest wait, end.
fn collect(ctx: &Ctx, reader: &OwnedFd, out: &mut ThreadOut) {
    while let Ok([cpu_ns, wait_ns, end_ns]) = message::receive(reader) {
        out.cpu_ns += cpu_ns;
        out.max_wait_ns = out.max_wait_ns.max(wait_ns);
        out.jobs += u64::from(ctx.window.contains(end_ns));
    }
}

/// The life of a job: from its fork, which is where its waiting starts.
fn burn_and_tell(comm: &str, length_ns: u64, window: Window, born_ns: u64, fd: RawFd) -> i32 {
    sched::set_comm(comm);
    let mut burner = Burner::new(window);
    let now = mono_ns();
    burner.waited(now, now.saturating_sub(born_ns));
    burner.burn(length_ns);
    match message::send(&fd, [burner.cpu_ns, burner.max_gap_ns, mono_ns()]) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

/// The program's entry when it was exec'ed as a job: the arguments `start` made.
pub fn job_main(args: &[String]) -> Result<i32> {
    let [length, from, to, stop, born, fd, comm] = args else {
        bail!("{JOB_COMMAND} is how the compile background starts its jobs");
    };
    let number = |text: &String| text.parse::<u64>().context("a number of a job");
    let window = Window {
        from_ns: number(from)?,
        to_ns: number(to)?,
        stop_ns: number(stop)?,
    };
    let fd = number(fd)? as RawFd;
    Ok(burn_and_tell(
        comm,
        number(length)?,
        window,
        number(born)?,
        fd,
    ))
}
