// SPDX-License-Identifier: GPL-2.0-only
//! SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

pub struct Shutdown {
    asked: Arc<EventFd>,
}

impl Shutdown {
    /// Installs the handlers; once a process.
    pub fn install() -> Result<Self> {
        let asked =
            Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC).context("creating an eventfd")?);
        let handler = Arc::clone(&asked);
        ctrlc::set_handler(move || {
            // Fails only when the counter is full: then it is readable already.
            let _ = handler.write(1);
        })
        .context("installing the signal handlers")?;
        Ok(Shutdown { asked })
    }

    /// Sleeps for at most `time`; true if asked to stop.
    pub fn wait(&self, time: Duration) -> bool {
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.asked.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut fds, timeout), Ok(n) if n > 0)
    }
}

impl AsFd for Shutdown {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.asked.as_fd()
    }
}
