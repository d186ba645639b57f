// SPDX-License-Identifier: GPL-2.0-only
//! The socket that anybody may ask: /run/scx_photon/socket, and root may tell, in
//! scx_stats' protocol (a line of JSON each way). Clients are strangers, so their
//! number, the length of what they send, what waits to be sent to them and the
//! requests a second are all bounded. The daemon's loop serves it: the descriptor
//! is an epoll set of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use scx_stats::{StatsRequest, StatsResponse};
use serde_json::Value;

use crate::rate::{self, LISTENER, Rate};
use crate::rundir::{RUN_DIR, RunDir};
use crate::socket_name::SocketName;
use crate::unix_socket::{self, BACKLOG};

/// The socket of the running daemon.
pub fn path() -> PathBuf {
    Path::new(RUN_DIR).join("socket")
}

/// A user's `top`, a panel, a script or two; the one that was silent longest has
/// to go for another.
const CLIENTS_MAX: usize = 16;
/// Bytes of a request with its end. The longest one sets all tunables at once: set.rs tests that it fits.
pub const REQUEST_MAX: usize = 1024;
/// Requests and connections a second, of all clients together: enough for a `top`
/// and twenty commands, and strangers cannot keep the daemon busy.
const RATE_MAX: u32 = 50;
const _: () = assert!((BACKLOG as u32) < RATE_MAX);
/// Whoever may connect may ask: connecting needs write permission.
const MODE: u32 = 0o666;

struct Client {
    stream: UnixStream,
    /// Whom the kernel vouches for.
    uid: u32,
    request: Vec<u8>,
    reply: Vec<u8>,
    heard: Instant,
}

struct State {
    clients: BTreeMap<RawFd, Client>,
    rate: Rate,
}

pub struct Socket {
    listener: UnixListener,
    _name: SocketName,
    epoll: Epoll,
    state: RefCell<State>,
}

impl Socket {
    /// Opens the socket in its directory, which must be ours alone.
    pub fn launch() -> Result<Self> {
        RunDir::create(Path::new(RUN_DIR))?;
        Self::bind(&path())
    }

    fn bind(path: &Path) -> Result<Self> {
        match std::fs::symlink_metadata(path) {
            // Left by a daemon that was killed.
            Ok(old) if old.file_type().is_socket() => std::fs::remove_file(path)?,
            Ok(_) => bail!("{} is no socket", path.display()),
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(e) => return Err(e).with_context(|| path.display().to_string()),
        }
        let listener = unix_socket::listen(path).with_context(|| path.display().to_string())?;
        // Nobody but us may replace what the name stands for in between.
        std::fs::set_permissions(path, PermissionsExt::from_mode(MODE))?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("creating epoll")?;
        rate::listen(&epoll, &listener)?;
        Ok(Socket {
            _name: SocketName::of(path),
            listener,
            epoll,
            state: RefCell::new(State {
                clients: BTreeMap::new(),
                rate: Rate::new(RATE_MAX),
            }),
        })
    }

    /// Readable when there is something to serve.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }

    /// Serves what waits. `answer` gets the request and its user; its error goes to the client.
    pub fn serve(&self, answer: impl Fn(&StatsRequest, u32) -> Result<Value>) -> Result<()> {
        let mut events = [EpollEvent::empty(); CLIENTS_MAX + 1];
        let n = self.epoll.wait(&mut events, EpollTimeout::ZERO)?;
        let mut state = self.state.borrow_mut();
        for event in &events[..n] {
            if event.data() == LISTENER {
                self.accept(&mut state);
            } else {
                self.serve_client(&mut state, event.data() as RawFd, &answer);
            }
        }
        if state.rate.pause(&self.epoll, &self.listener)? {
            // Clients are dropped, new ones wait in the backlog for `tick`. Not root's: it is not who floods.
            state.clients.retain(|_, client| client.uid == 0);
        }
        Ok(())
    }

    /// To be called once a second or so: the next window of requests begins.
    pub fn tick(&self) -> Result<()> {
        let mut state = self.state.borrow_mut();
        state.rate.renew(&self.epoll, &self.listener)?;
        Ok(())
    }

    fn accept(&self, state: &mut State) {
        while let Some(stream) = state.rate.accept(&self.listener) {
            if state.clients.len() >= CLIENTS_MAX {
                // Root's last: it is not who crowds it.
                let silent = state
                    .clients
                    .iter()
                    .min_by_key(|(_, c)| (c.uid == 0, c.heard));
                let silent = silent.map(|(fd, _)| *fd);
                silent.map(|fd| state.clients.remove(&fd));
            }
            let Ok(peer) = getsockopt(&stream, PeerCredentials) else {
                continue;
            };
            let fd = stream.as_raw_fd();
            let event = EpollEvent::new(EpollFlags::EPOLLIN, fd as u64);
            if stream.set_nonblocking(true).is_err() || self.epoll.add(&stream, event).is_err() {
                continue;
            }
            let client = Client {
                stream,
                uid: peer.uid(),
                request: Vec::new(),
                reply: Vec::new(),
                heard: Instant::now(),
            };
            state.clients.insert(fd, client);
        }
    }

    /// A client that errs, hangs up or sends too much is gone afterwards.
    fn serve_client(
        &self,
        state: &mut State,
        fd: RawFd,
        answer: &impl Fn(&StatsRequest, u32) -> Result<Value>,
    ) {
        let Some(client) = state.clients.get_mut(&fd) else {
            return;
        };
        client.heard = Instant::now();
        let mut idle = client.reply.is_empty();
        let alive = if client.reply.is_empty() {
            client.read()
        } else {
            client.write()
        };
        let mut keep = alive;
        while keep
            && client.reply.is_empty()
            && (!state.rate.is_spent() || client.uid == 0)
            && let Some(line) = client.take_line()
        {
            state.rate.spend();
            idle = false;
            let uid = client.uid;
            client.reply = respond(&line, |r| answer(r, uid));
            keep = client.write();
        }
        // A byte at a time, without an end, wakes us as often as requests do.
        if idle && alive {
            state.rate.spend();
        }
        // While a reply waits nothing more is read.
        let wanted = if client.reply.is_empty() {
            EpollFlags::EPOLLIN
        } else {
            EpollFlags::EPOLLOUT
        };
        let mut event = EpollEvent::new(wanted, fd as u64);
        if !keep || self.epoll.modify(&client.stream, &mut event).is_err() {
            state.clients.remove(&fd);
        }
    }
}

impl Client {
    /// False when the client is to be dropped.
    fn read(&mut self) -> bool {
        let mut bytes = [0; REQUEST_MAX];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(n) => {
                self.request.extend_from_slice(&bytes[..n]);
                self.request.len() <= REQUEST_MAX
            }
            Err(e) => e.kind() == ErrorKind::WouldBlock,
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.request.iter().position(|b| *b == b'\n')?;
        Some(self.request.drain(..=end).collect())
    }

    /// False when the client is to be dropped.
    fn write(&mut self) -> bool {
        while !self.reply.is_empty() {
            match self.stream.write(&self.reply) {
                Ok(0) => return false,
                Ok(n) => drop(self.reply.drain(..n)),
                Err(e) => return e.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }
}

/// The line that answers a line.
pub fn respond(line: &[u8], answer: impl Fn(&StatsRequest) -> Result<Value>) -> Vec<u8> {
    let result = serde_json::from_slice(line)
        .context("not a request")
        .and_then(|request: StatsRequest| answer(&request));
    let (errno, resp) = match result {
        Ok(value) => (0, value),
        Err(e) => (libc::EINVAL, Value::from(format!("{e:#}"))),
    };
    let response = StatsResponse {
        errno,
        args: BTreeMap::from([("resp".to_string(), resp)]),
    };
    let mut bytes = serde_json::to_vec(&response).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
