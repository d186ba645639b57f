// SPDX-License-Identifier: GPL-2.0-only
//! Starting and stopping scx_photon from a scenario, and reading the kernel's side of it.

use crate::scenario::{Ctx, Fail};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// In emulation the BPF verifier alone may take tens of seconds of guest time; where that is the host's and the host is
/// busy, minutes.
const ATTACH_LIMIT: Duration = Duration::from_secs(300);
/// Far above the 250 ms promised, so that a late exit is reported as late and not as missing.
const EXIT_LIMIT: Duration = Duration::from_secs(20);
/// Of a log that explains a failed start.
const CONSOLE_LINES: usize = 60;
/// In its start line.
const ANNOUNCED: &str = "attached";
const POLL: Duration = Duration::from_millis(5);

/// The build with the test hooks, beside the real one.
const SABOTAGE_TWIN: &str = "scx_photon-sabotage";

/// `disabled`, `enabling`, `enabled`, ...; none on a kernel without sched_ext.
pub fn scx_state() -> Option<String> {
    Some(
        std::fs::read_to_string("/sys/kernel/sched_ext/state")
            .ok()?
            .trim()
            .to_string(),
    )
}

/// The name of the attached scheduler.
pub fn scx_ops() -> Option<String> {
    Some(
        std::fs::read_to_string("/sys/kernel/sched_ext/root/ops")
            .ok()?
            .trim()
            .to_string(),
    )
}

fn files() -> (PathBuf, PathBuf) {
    let stem = std::env::temp_dir().join(format!("scx_photon.{}", std::process::id()));
    (stem.with_extension("out"), stem.with_extension("err"))
}

/// The one to start: a scenario called with `--sabotage NAME` gets the twin that is broken in that way.
pub fn program(ctx: &Ctx) -> Command {
    let Some(name) = ctx.option("--sabotage") else {
        return Command::new(&ctx.scx_photon);
    };
    let mut twin = Command::new(ctx.scx_photon.with_file_name(SABOTAGE_TWIN));
    twin.args(["--sabotage", name]);
    twin
}

/// A running scx_photon. Its output goes to files, because a pipe nobody drains would stop it.
pub struct Photon {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

pub struct Stopped {
    pub code: Option<i32>,
    /// From the signal until the kernel's own scheduler is back.
    pub detached: Duration,
    /// From the signal until the process is gone.
    pub took: Duration,
    /// What it wrote to stderr.
    pub log: String,
}

impl Photon {
    /// Starts it with `flags` and waits until it is attached.
    pub fn start(ctx: &Ctx, flags: &[&str]) -> Result<Self, Fail> {
        let (out, _) = files();
        let stdout = File::create(&out)?;
        Self::start_onto(ctx, flags, stdout.into(), |_| Ok(()))
    }

    /// The same in surroundings that `prepare` makes for it.
    pub fn start_prepared(
        ctx: &Ctx,
        flags: &[&str],
        prepare: impl Fn(&mut Command) -> Result<(), Fail>,
    ) -> Result<Self, Fail> {
        let (out, _) = files();
        let stdout = File::create(&out)?;
        Self::start_onto(ctx, flags, stdout.into(), prepare)
    }

    /// The same with its stdout on the console.
    pub fn start_live(ctx: &Ctx, flags: &[&str]) -> Result<Self, Fail> {
        Self::start_onto(ctx, flags, Stdio::inherit(), |_| Ok(()))
    }

    fn start_onto(
        ctx: &Ctx,
        flags: &[&str],
        stdout: Stdio,
        prepare: impl Fn(&mut Command) -> Result<(), Fail>,
    ) -> Result<Self, Fail> {
        if scx_state().is_none() {
            return Err(Fail::skip("this kernel has no sched_ext"));
        }
        let (out, err) = files();
        let mut command = program(ctx);
        prepare(&mut command)?;
        let child = command
            .args(flags)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(File::create(&err)?)
            .spawn()
            .map_err(|e| Fail::failed(format!("{}: {e}", command.get_program().display())))?;
        let mut photon = Photon { child, out, err };
        let begin = Instant::now();
        // The kernel says enabled first; the probes are in place when the daemon says so.
        while scx_state().as_deref() != Some("enabled") || !photon.log().contains(ANNOUNCED) {
            if let Some(status) = photon.child.try_wait()? {
                return Err(photon.failed_start(&format!("ended before it attached, {status}")));
            }
            if begin.elapsed() > ATTACH_LIMIT {
                return Err(photon.failed_start(&format!("not attached after {ATTACH_LIMIT:?}")));
            }
            std::thread::sleep(POLL);
        }
        Ok(photon)
    }

    /// The verifier may have written a book: its end goes to the console, its last line into the report.
    fn failed_start(&self, what: &str) -> Fail {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        for line in &lines[lines.len().saturating_sub(CONSOLE_LINES)..] {
            println!("  {line}");
        }
        let last = lines.last().copied().unwrap_or_default();
        Fail::failed(format!("scx_photon {what}: {last}"))
    }

    /// CPU time it has used itself and in the kernel, milliseconds.
    pub fn cpu_ms(&self) -> Result<[u64; 2], Fail> {
        /// The unit of /proc, the same on every x86 kernel.
        const MS_A_TICK: u64 = 10;
        /// Fields behind the name; the first is the state.
        const UTIME: usize = 11;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let times = || {
            let (_, rest) = stat.rsplit_once(')')?;
            let mut ticks = rest.split_whitespace().skip(UTIME).map(str::parse::<u64>);
            Some([ticks.next()?.ok()?, ticks.next()?.ok()?])
        };
        let times = times().ok_or_else(|| Fail::failed(format!("no CPU times in {stat}")))?;
        Ok(times.map(|ticks| ticks * MS_A_TICK))
    }

    /// The capabilities it may use, as a mask.
    pub fn capabilities(&self) -> Result<u64, Fail> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mask = status.lines().find_map(|l| l.strip_prefix("CapPrm:"));
        let mask = mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok());
        mask.ok_or_else(|| Fail::failed("no CapPrm in /proc"))
    }

    /// CPU time its main thread has used, ns.
    pub fn run_ns(&self) -> Result<u64, Fail> {
        let stat = std::fs::read_to_string(format!("/proc/{}/schedstat", self.child.id()))?;
        let run = stat.split(' ').next().and_then(|n| n.parse().ok());
        run.ok_or_else(|| Fail::failed("this kernel has no schedstat"))
    }

    /// Its stderr so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.err)
            .unwrap_or_default()
            .trim()
            .to_string()
    }

    /// Its stdout so far.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.out).unwrap_or_default()
    }

    /// As by Ctrl-C. An error if it ends as it must not, or has ended before, by the kernel, while nobody looked. Who
    /// expects another end has `wait` and `signal_and_wait`.
    pub fn stop(self) -> Result<Stopped, Fail> {
        let stopped = self.signal_and_wait(libc::SIGINT)?;
        match stopped.code {
            Some(0) => Ok(stopped),
            code => {
                let log = stopped.log;
                Err(Fail::failed(format!("exit code {code:?}, not 0: {log}")))
            }
        }
    }

    pub fn signal_and_wait(self, signal: i32) -> Result<Stopped, Fail> {
        let begin = Instant::now();
        self.signal(signal);
        while scx_state().is_some_and(|s| s != "disabled") && begin.elapsed() < EXIT_LIMIT {
            std::thread::sleep(POLL);
        }
        let detached = begin.elapsed();
        let mut stopped = self.wait(EXIT_LIMIT)?;
        stopped.detached = detached;
        stopped.took = begin.elapsed();
        Ok(stopped)
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: no pointers; the child is not reaped yet, so the pid is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
    }

    pub fn is_alive(&self) -> Result<bool, Fail> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Not reaped yet, so a dead one is still listed.
        Ok(!stat
            .rsplit_once(')')
            .is_some_and(|(_, s)| s.trim_start().starts_with('Z')))
    }

    /// Waits until its log holds `what` so many times.
    pub fn says(&self, what: &str, times: usize, limit: Duration) -> Result<(), Fail> {
        let begin = Instant::now();
        while self.log().matches(what).count() < times {
            if begin.elapsed() > limit {
                let log = self.log();
                return Err(Fail::failed(format!("not {times} times `{what}`: {log}")));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits until it ends by itself.
    pub fn wait(mut self, limit: Duration) -> Result<Stopped, Fail> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Stopped {
                    code: status.code(),
                    detached: begin.elapsed(),
                    took: begin.elapsed(),
                    log: self.log(),
                });
            }
            if begin.elapsed() > limit {
                return Err(Fail::failed(format!("still running after {limit:?}")));
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Photon {
    /// A scenario that fails half way must not leave the scheduler attached for the next one.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
