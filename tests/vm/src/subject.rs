// SPDX-License-Identifier: GPL-2.0-only
//! The scheduler under test, whichever it is: EEVDF, scx_photon or a peer. It is started, checked to be the one
//! attached, and stopped. Arguments of the scenario: `--kind eevdf|photon|peer`, `--ops NAME`, and after `--` flags
//! for the scheduler (with `--stats` its lines go to the console). A peer is found where scx_photon would be.

use crate::photon::{Photon, scx_ops, scx_state};
use crate::scenario::{Ctx, Fail};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The slowest peer takes 40 s to be verified in emulation.
const ATTACH_LIMIT: Duration = Duration::from_secs(120);
const EXIT_LIMIT: Duration = Duration::from_secs(20);
/// Of what a peer printed, in the reason why it is gone.
const LAST_LINES: usize = 3;
const POLL: Duration = Duration::from_millis(20);
const PEER_LOG: &str = "/tmp/peer.log";
/// What the peers' BPF asks the kernel's configuration for, as stock Debian amd64 kernels have it. Without any such
/// file libbpf refuses to load them.
const KCONFIG: &str = "CONFIG_X86_64=y\nCONFIG_NR_CPUS=8192\nCONFIG_PREEMPT_RCU=y\nCONFIG_NO_HZ_FULL=y\nCONFIG_HZ=250\n\
     # CONFIG_PREEMPT_RT is not set\n# CONFIG_NO_HZ_IDLE is not set\n";

enum Subject {
    Kernel,
    Photon(Photon),
    Peer(Child),
}

/// What the kernel named before and after.
pub struct Named {
    pub before: Option<String>,
    pub after: Option<String>,
}

/// Measures something while the scheduler the arguments name is attached, which is checked on both sides.
pub fn under<T>(ctx: &Ctx, measure: impl FnOnce() -> Result<T, Fail>) -> Result<(Named, T), Fail> {
    let mut subject = Subject::start(ctx)?;
    let before = scx_ops();
    let measured = verify(ctx, before.as_deref()).and_then(|()| measure());
    let after = scx_ops();
    let attached = verify(ctx, after.as_deref());
    let stopped = subject.stop();
    // Why the scheduler is gone says more than what the measurement made of it.
    attached.map_err(|f| explained(f, &stopped))?;
    stopped?;
    Ok((Named { before, after }, measured?))
}

fn explained(fail: Fail, stopped: &Result<String, Fail>) -> Fail {
    match (fail, stopped) {
        // Where it had ended before, its log is in the reason of that.
        (Fail::Failed(what), Ok(log) | Err(Fail::Failed(log))) => {
            Fail::failed(format!("{what}: {}", last_words(log)))
        }
        (other, _) => other,
    }
}

/// The last lines that tell of an error, else the last ones; a dump's rulers say nothing.
fn last_words(log: &str) -> String {
    let last = |wanted: &dyn Fn(&str) -> bool| -> Vec<&str> {
        let lines: Vec<&str> = log.lines().map(str::trim).filter(|l| wanted(l)).collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].to_vec()
    };
    let errors = last(&|l| l.to_lowercase().contains("error"));
    let lines = match errors.is_empty() {
        true => last(&|l| l.contains(char::is_alphanumeric)),
        false => errors,
    };
    lines.join(" | ")
}

/// `ops` is what the kernel names; the name a scheduler registers may carry its version.
pub fn verify(ctx: &Ctx, ops: Option<&str>) -> Result<(), Fail> {
    let as_told = match (ctx.option("--ops"), ops) {
        (None, None) => true,
        (Some(name), Some(ops)) => scx_state().as_deref() == Some("enabled") && ops.contains(name),
        _ => false,
    };
    if as_told {
        return Ok(());
    }
    let wanted = ctx.option("--ops").unwrap_or("the kernel's own");
    let found = ops.unwrap_or("the kernel's own");
    Err(Fail::failed(format!(
        "{wanted} should be attached and {found} is"
    )))
}

/// Attached when the kernel says so: every peer has its own words for it, or none.
fn start_peer(ctx: &Ctx, flags: &[&str]) -> Result<Child, Fail> {
    let config = format!(
        "/boot/config-{}",
        std::fs::read_to_string("/proc/sys/kernel/osrelease")?.trim()
    );
    if !Path::new(&config).exists() {
        std::fs::create_dir_all("/boot")?;
        std::fs::write(&config, KCONFIG)?;
    }
    let log = File::create(PEER_LOG)?;
    let mut child = Command::new(&ctx.scx_photon)
        .args(flags)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let begin = Instant::now();
    while scx_state().as_deref() != Some("enabled") || scx_ops().is_none() {
        let ended = child.try_wait()?;
        if ended.is_some() || begin.elapsed() > ATTACH_LIMIT {
            let _ = child.kill();
            let what = ended.map_or("did not attach in time".to_string(), |s| {
                format!("did not attach, {s}")
            });
            return Err(explained(Fail::failed(what), &Ok(peer_log())));
        }
        std::thread::sleep(POLL);
    }
    Ok(child)
}

fn peer_log() -> String {
    std::fs::read_to_string(PEER_LOG).unwrap_or_default()
}

impl Subject {
    fn start(ctx: &Ctx) -> Result<Self, Fail> {
        let behind = ctx.args.iter().skip_while(|a| *a != "--").skip(1);
        let flags: Vec<&str> = behind.map(String::as_str).collect();
        Ok(match ctx.option("--kind") {
            Some("eevdf") => Subject::Kernel,
            Some("photon") if flags.contains(&"--stats") => {
                Subject::Photon(Photon::start_live(ctx, &flags)?)
            }
            Some("photon") => Subject::Photon(Photon::start(ctx, &flags)?),
            Some("peer") => Subject::Peer(start_peer(ctx, &flags)?),
            other => {
                let what = format!("--kind {other:?}: eevdf, photon or peer");
                return Err(Fail::failed(what));
            }
        })
    }

    /// Its log. A peer may have ended before, and in any way; see `Photon::stop` for ours.
    fn stop(&mut self) -> Result<String, Fail> {
        match std::mem::replace(self, Subject::Kernel) {
            Subject::Kernel => Ok(String::new()),
            Subject::Photon(photon) => Ok(photon.stop()?.log),
            Subject::Peer(mut child) => {
                // SAFETY: kill takes no pointers, and the child is not reaped yet, so the pid is still its own.
                unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
                let begin = Instant::now();
                while child.try_wait()?.is_none() && begin.elapsed() < EXIT_LIMIT {
                    std::thread::sleep(POLL);
                }
                // Does nothing to one that is gone; PID 1 sees to it that sched_ext is off afterwards.
                let _ = child.kill();
                Ok(peer_log())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_words_are_about_the_error() {
        let log = "a\nEXIT: runtime error (x)\nb\n=====\n\n";
        assert_eq!(last_words(log), "EXIT: runtime error (x)");
        assert_eq!(last_words("a\nb\nc\nd\n====\n"), "b | c | d");
        assert_eq!(last_words(""), "");
    }
}
