// SPDX-License-Identifier: GPL-2.0-only
//! SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable.
//!
//! A hangup has two meanings. Somebody who sends it wants the configuration read
//! again; when the kernel sends it, the terminal is gone, and with it whoever could
//! press Ctrl-C. Under nohup the second one means nothing.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// What the signals mean to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    Stop,
    /// Read the configuration again.
    Reload,
}

pub struct Shutdown {
    signals: SignalFd,
    /// A terminal that goes away is nothing to us.
    nohup: bool,
}

/// Was SIGHUP ignored when we were started?
fn nohup() -> bool {
    let mut old = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: asks only; the kernel fills the struct when it returns 0.
    unsafe {
        libc::sigaction(libc::SIGHUP, std::ptr::null(), old.as_mut_ptr()) == 0
            && old.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// What a signal asks for, by its number and who has sent it.
fn meaning(signal: i32, code: i32, nohup: bool) -> Asked {
    match (signal, code) {
        (libc::SIGHUP, libc::SI_KERNEL) if nohup => Asked::Nothing,
        (libc::SIGHUP, libc::SI_KERNEL) => Asked::Stop,
        (libc::SIGHUP, _) => Asked::Reload,
        _ => Asked::Stop,
    }
}

/// Lets whoever reads our output end us, as `| head` ends other programs. Not for what has a scheduler to take down or a
/// terminal to put back, and not before the last word to the daemon: a socket may break, too.
pub fn end_with_the_reader() {
    // SAFETY: the default action of a signal that nothing here handles.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

impl Shutdown {
    /// Before any thread is started: all of them inherit the blocked signals.
    pub fn install() -> Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            set.add(signal);
        }
        set.thread_block().context("blocking the signals")?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&set, flags).context("creating a signalfd")?;
        let nohup = nohup();
        Ok(Shutdown { signals, nohup })
    }

    /// Sleeps for at most `time`; true if asked to stop, which here every signal does.
    pub fn wait(&self, time: Duration) -> bool {
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut fds, timeout), Ok(n) if n > 0)
    }

    /// What has come. To stop is above all else.
    pub fn asked(&self) -> Result<Asked> {
        let mut asked = Asked::Nothing;
        while let Some(info) = self.signals.read_signal().context("reading signals")? {
            match meaning(info.ssi_signo as i32, info.ssi_code, self.nohup) {
                Asked::Nothing => {}
                Asked::Stop => return Ok(Asked::Stop),
                Asked::Reload => asked = Asked::Reload,
            }
        }
        Ok(asked)
    }
}

impl AsFd for Shutdown {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::pthread::{pthread_kill, pthread_self};

    #[test]
    fn a_hangup_by_the_terminal_is_a_stop() {
        let hangup = |code, nohup| meaning(libc::SIGHUP, code, nohup);
        assert_eq!(hangup(libc::SI_USER, false), Asked::Reload);
        assert_eq!(hangup(libc::SI_KERNEL, false), Asked::Stop);
        assert_eq!(hangup(libc::SI_KERNEL, true), Asked::Nothing);
        assert_eq!(hangup(libc::SI_USER, true), Asked::Reload);
        for code in [libc::SI_USER, libc::SI_KERNEL] {
            assert_eq!(meaning(libc::SIGINT, code, true), Asked::Stop);
            assert_eq!(meaning(libc::SIGTERM, code, true), Asked::Stop);
        }
    }

    /// Under nohup and without: this test runs in both.
    #[test]
    fn nohup_is_what_the_kernel_says_of_a_hangup() {
        let status = std::fs::read_to_string("/proc/self/status").expect("reads");
        let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
        let ignored = u64::from_str_radix(ignored.expect("a line").trim(), 16).expect("a number");
        assert_eq!(nohup(), ignored & (1 << (libc::SIGHUP - 1)) != 0);
    }

    #[test]
    fn hangup_is_no_stop() {
        // The mask is a thread's own: one that ends here.
        let thread = std::thread::spawn(|| {
            let shutdown = Shutdown::install().expect("a signalfd");
            let send = |s| pthread_kill(pthread_self(), s).expect("sends");
            assert_eq!(shutdown.asked().expect("reads"), Asked::Nothing);
            assert!(!shutdown.wait(Duration::ZERO));
            send(Signal::SIGHUP);
            assert!(shutdown.wait(Duration::ZERO));
            assert_eq!(shutdown.asked().expect("reads"), Asked::Reload);
            send(Signal::SIGHUP);
            send(Signal::SIGTERM);
            assert_eq!(shutdown.asked().expect("reads"), Asked::Stop);
        });
        thread.join().expect("passes");
    }
}
