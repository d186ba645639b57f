// SPDX-License-Identifier: GPL-2.0-only
//! Processes that come in floods, or are stopped and continued from outside.

use super::{Amount, Slack};
use crate::killed::KilledFork;
use crate::load::burn;
use crate::photon::Photon;
use crate::scenario::Fail;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::process::{fork, wait};
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Children at a time: a bomb with a bound.
const AT_A_TIME: u64 = 64;
const CHILD_NS: u64 = 50 * NS_PER_US;
const PAUSE: Duration = Duration::from_micros(500);
/// Just below the kernel's own watchdog, which the scheduler sets to 5 s.
const LOST_AFTER: Duration = Duration::from_secs(4);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// So many short children, all of which must end as they should.
pub fn fork_bomb(_: &Photon, children: Amount, _: Slack) -> Result<u64, Fail> {
    let mut left = children;
    while left > 0 {
        let batch = left.min(AT_A_TIME);
        let pids: io::Result<Vec<i32>> = (0..batch)
            // SAFETY: it burns, and takes no lock.
            .map(|_| unsafe { fork(short_child) })
            .collect();
        for pid in pids? {
            ended_well(pid)?;
        }
        left -= batch;
    }
    Ok(children)
}

fn short_child() -> i32 {
    burn(CHILD_NS);
    0
}

fn ended_well(pid: i32) -> Result<(), Fail> {
    match wait(pid)? {
        (_, 0) => Ok(()),
        (_, status) => Err(Fail::failed(format!("a child ended with {status:#x}"))),
    }
}

/// Programs started one after the other, some at a time.
pub fn exec_storm(_: &Photon, programs: Amount, _: Slack) -> Result<u64, Fail> {
    const SOME: u64 = 6;
    for _ in 0..programs.div_ceil(SOME) {
        let some: io::Result<Vec<_>> = (0..SOME)
            .map(|_| {
                let mut command = Command::new("/proc/self/exe");
                command.arg("list").stdout(Stdio::null()).spawn()
            })
            .collect();
        for mut child in some? {
            let status = child.wait()?;
            if !status.success() {
                return Err(Fail::failed(format!("a program ended with {status}")));
            }
        }
    }
    Ok(programs.div_ceil(SOME) * SOME)
}

/// A child that burns until it is killed.
pub fn burning() -> io::Result<KilledFork> {
    let body = || {
        loop {
            burn(NS_PER_MS);
        }
    };
    // SAFETY: it burns, and takes no lock.
    Ok(KilledFork(unsafe { fork(body) }?))
}

/// A debugger that stops and continues a hog.
pub fn ptrace(_: &Photon, times: Amount, _: Slack) -> Result<u64, Fail> {
    let hog = burning()?;
    let request = |what: libc::c_uint| {
        let nothing = std::ptr::null_mut::<libc::c_void>();
        // SAFETY: the requests used here take neither an address nor data.
        match unsafe { libc::ptrace(what, hog.0, nothing, nothing) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    request(libc::PTRACE_SEIZE)?;
    for _ in 0..times {
        request(libc::PTRACE_INTERRUPT)?;
        wait(hog.0)?;
        request(libc::PTRACE_CONT)?;
        std::thread::sleep(PAUSE);
    }
    Ok(times)
}

/// The same by signals, which reach a task while it runs, waits, or sleeps.
pub fn stop_and_continue(_: &Photon, times: Amount, _: Slack) -> Result<u64, Fail> {
    let hog = burning()?;
    for _ in 0..times {
        for signal in [libc::SIGSTOP, libc::SIGCONT] {
            // SAFETY: no pointers; the child is not reaped, so the pid is still its own.
            unsafe { libc::kill(hog.0, signal) };
            std::thread::sleep(PAUSE);
        }
    }
    match runs_beyond(hog.0, cpu_ticks(hog.0)?)? {
        true => Ok(times),
        false => Err(Fail::failed("a continued task does not run")),
    }
}

/// Does it get CPU time beyond so many ticks? A hog on the only CPU, beside a game, may wait for 100 ms; who is lost,
/// for ever. How long others wait meanwhile is the load's to say.
pub fn runs_beyond(pid: i32, ticks: u64) -> Result<bool, Fail> {
    let begin = Instant::now();
    while begin.elapsed() < LOST_AFTER {
        if cpu_ticks(pid)? > ticks {
            return Ok(true);
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(false)
}

/// User time of a process in the kernel's unit.
pub fn cpu_ticks(pid: i32) -> Result<u64, Fail> {
    const UTIME: usize = 11;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').unwrap_or_default();
    let field = rest.split_whitespace().nth(UTIME);
    Ok(field.and_then(|f| f.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continued_task_may_wait_before_it_runs() {
        let hog = burning().unwrap();
        assert!(runs_beyond(hog.0, cpu_ticks(hog.0).unwrap() + 5).unwrap());
    }
}
