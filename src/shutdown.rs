// SPDX-License-Identifier: GPL-2.0-only
//! SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable.

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
        Ok(Shutdown { signals })
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
            if info.ssi_signo != Signal::SIGHUP as u32 {
                return Ok(Asked::Stop);
            }
            asked = Asked::Reload;
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
