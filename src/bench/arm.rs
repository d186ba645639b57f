// SPDX-License-Identifier: GPL-2.0-only
//! Which scheduler has the machine during a run, by the kernel's word before and after it.

use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use photon_bench::sys::signal::stop_requested;

use crate::caps;
use crate::failure::Failure;
use crate::status::is_ours;

/// The verifier takes under a second on hardware, and tens of them in an emulator.
const ATTACH_LIMIT: Duration = Duration::from_secs(120);
/// It promises to detach within 250 ms.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

pub enum Subject {
    Kernel,
    Photon(Photon),
}

pub struct Photon {
    child: Child,
    /// Its stderr: a file, because a pipe nobody drains would stop it.
    log: std::fs::File,
}

impl Subject {
    pub fn kernel() -> Subject {
        Subject::Kernel
    }

    /// Starts one of our own and waits until the kernel says that it is attached.
    pub fn photon(flags: &[String]) -> Result<Subject> {
        let log = scratch_file()?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.try_clone()?);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours. It makes the scheduler stop if this
        // process is killed and cannot stop it.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
                Ok(())
            });
        }
        let child = command.spawn().context("starting scx_photon")?;
        let mut photon = Photon { child, log };
        let begin = Instant::now();
        while !attached_is_ours() {
            if stop_requested() {
                bail!("interrupted");
            }
            if let Some(status) = photon.child.try_wait()? {
                return Err(ended(status, photon.what_it_said()));
            }
            if begin.elapsed() > ATTACH_LIMIT {
                bail!("scx_photon did not attach in time");
            }
            std::thread::sleep(POLL);
        }
        Ok(Subject::Photon(photon))
    }

    pub fn verify(&mut self) -> Result<()> {
        match (self, caps::attached_scheduler()) {
            (Subject::Kernel, None) => Ok(()),
            (Subject::Kernel, Some(other)) => Err(Failure::Busy(other).into()),
            (Subject::Photon(_), Some(_)) if attached_is_ours() => Ok(()),
            (Subject::Photon(photon), _) => Err(photon.why_gone()),
        }
    }

    /// Returns when the kernel's own scheduler is back.
    pub fn stop(self) -> Result<()> {
        drop(self);
        let begin = Instant::now();
        while let Some(name) = caps::attached_scheduler() {
            if begin.elapsed() > STOP_LIMIT {
                bail!("{name} is still attached");
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

fn attached_is_ours() -> bool {
    let enabled = std::fs::read_to_string("/sys/kernel/sched_ext/state");
    enabled.is_ok_and(|s| s.trim() == "enabled")
        && caps::attached_scheduler().is_some_and(|ops| is_ours(&ops))
}

/// Without a name: gone when the last handle is.
fn scratch_file() -> Result<std::fs::File> {
    let path = std::env::temp_dir().join(format!("scx_photon-bench.{}", std::process::id()));
    // In /tmp a file of that name may be somebody's trap: only a new one will do.
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// The error that the end of the scheduler under test is. Its own exit code says why; it has none when a signal ended it.
fn ended(status: ExitStatus, said: String) -> Error {
    match status.code().map(u8::try_from) {
        Some(Ok(0)) => anyhow!("somebody has stopped scx_photon during a run; try again"),
        Some(Ok(code)) => Failure::OfChild(code, said).into(),
        _ => anyhow!("scx_photon was killed ({status}): {said}"),
    }
}

impl Photon {
    /// It is not attached: it ends, or has.
    fn why_gone(&mut self) -> Error {
        let begin = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return ended(status, self.what_it_said()),
                Ok(None) if begin.elapsed() <= STOP_LIMIT => std::thread::sleep(POLL),
                Ok(None) => return anyhow!("scx_photon was detached during a run; try again"),
                Err(e) => return Error::new(e).context("waiting for scx_photon"),
            }
        }
    }

    fn what_it_said(&mut self) -> String {
        let mut text = String::new();
        // What cannot be read is not said.
        let _ = self.log.seek(SeekFrom::Start(0));
        let _ = self.log.read_to_string(&mut text);
        // Of bad usage the first line says what is wrong, and the last one where to read on.
        let usage = text.lines().find(|line| line.starts_with("error: "));
        let said = usage.or(text.lines().last()).unwrap_or("it said nothing");
        said.trim_start_matches("scx_photon: ").to_string()
    }
}

impl Drop for Photon {
    /// Every way out of a run comes through here.
    fn drop(&mut self) {
        // One that has ended is not there to be stopped.
        let _ = kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM);
        let begin = Instant::now();
        while !matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
            if begin.elapsed() > STOP_LIMIT {
                // The kernel puts its own scheduler back when the process is gone.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::exit_code;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn only_an_ejection_is_called_one() {
        // As wait() has them: the exit code is the second byte, a signal the first.
        let of = |raw: i32| ended(ExitStatus::from_raw(raw), "words".into());
        for code in [2, 7, 8, 10] {
            let error = of(code << 8);
            assert_eq!(i32::from(exit_code(&error)), code);
            let text = error.to_string();
            assert!(text.ends_with("words") && !text.contains("eject"), "{text}");
        }
        for raw in [0, 1 << 8, libc::SIGKILL] {
            assert_eq!(exit_code(&of(raw)), 1);
        }
    }

    #[test]
    fn the_end_is_waited_for() {
        let mut command = Command::new("sh");
        let log = scratch_file().expect("a file");
        command.args(["-c", "sleep 0.1; echo scx_photon: no room >&2; exit 7"]);
        command.stderr(log.try_clone().expect("a handle"));
        let child = command.spawn().expect("starts");
        let error = Photon { child, log }.why_gone();
        assert_eq!(exit_code(&error), 7);
        assert_eq!(
            error.to_string(),
            "scx_photon under test has ended: no room"
        );
    }
}
