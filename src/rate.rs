// SPDX-License-Identifier: GPL-2.0-only
//! How much strangers may ask of a socket a second. What is too much waits in its backlog: the listener leaves the epoll
//! set until the next second begins, so that it does not keep the daemon's loop turning.

use std::io::ErrorKind;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use nix::Result;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags};

const WINDOW: Duration = Duration::from_secs(1);
/// The tag of the listener in the epoll set; descriptors are never that large.
pub const LISTENER: u64 = u64::MAX;

/// Nobody waits, or he has gone.
const PASSING: [ErrorKind; 3] = [
    ErrorKind::WouldBlock,
    ErrorKind::Interrupted,
    ErrorKind::ConnectionAborted,
];

pub struct Rate {
    most: u32,
    begun: Instant,
    spent: u32,
    paused: bool,
}

pub fn listen(epoll: &Epoll, listener: &UnixListener) -> Result<()> {
    epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))
}

impl Rate {
    pub fn new(most: u32) -> Self {
        Rate {
            most,
            begun: Instant::now(),
            spent: 0,
            paused: false,
        }
    }

    pub fn spend(&mut self) {
        self.spent += 1;
    }

    pub fn is_spent(&self) -> bool {
        self.spent >= self.most
    }

    /// The next client, if there is one and the rate allows it. One that cannot be taken, out of descriptors, would keep
    /// the listener readable and so the loop turning: that is all for this window.
    pub fn accept(&mut self, listener: &UnixListener) -> Option<UnixStream> {
        if self.is_spent() {
            return None;
        }
        match listener.accept() {
            Ok((client, _)) => {
                self.spend();
                Some(client)
            }
            Err(e) if PASSING.contains(&e.kind()) => None,
            Err(_) => {
                self.spent = self.most;
                None
            }
        }
    }

    /// Stops listening if all is spent; true if it did.
    pub fn pause(&mut self, epoll: &Epoll, listener: &UnixListener) -> Result<bool> {
        if !self.is_spent() || self.paused {
            return Ok(false);
        }
        epoll.delete(listener)?;
        self.paused = true;
        Ok(true)
    }

    /// To be called once a second or so; true if the next window begins.
    pub fn renew(&mut self, epoll: &Epoll, listener: &UnixListener) -> Result<bool> {
        if self.begun.elapsed() < WINDOW {
            return Ok(false);
        }
        if self.paused {
            listen(epoll, listener)?;
            self.paused = false;
        }
        (self.begun, self.spent) = (Instant::now(), 0);
        Ok(true)
    }

    #[cfg(test)]
    pub fn end_window(&mut self) {
        self.begun -= WINDOW;
    }

    #[cfg(test)]
    pub fn is_paused(&self) -> bool {
        self.paused
    }
}
