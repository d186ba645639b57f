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
        while !state.rate.is_spent()
            && let Ok((stream, _)) = self.listener.accept()
        {
            state.rate.spend();
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
            let uid = client.uid;
            client.reply = respond(&line, |r| answer(r, uid));
            keep = client.write();
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
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::time::Duration;

    fn at(name: &str) -> PathBuf {
        let name = format!("photon-socket-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    }

    fn socket(name: &str) -> Socket {
        Socket::bind(&at(name)).expect("binds")
    }

    fn echo(request: &StatsRequest, uid: u32) -> Result<Value> {
        assert_eq!(uid, nix::unistd::getuid().as_raw());
        match request.req.as_str() {
            "bad" => bail!("no such thing"),
            "big" => Ok(Value::from("x".repeat(1_000_000))),
            req => Ok(Value::from(req)),
        }
    }

    /// As often as the daemon's loop would.
    fn turn(socket: &Socket) {
        for _ in 0..4 {
            socket.serve(echo).expect("serves");
        }
    }

    fn ask(socket: &Socket, stream: &mut UnixStream, text: &str) -> Option<StatsResponse> {
        stream.write_all(text.as_bytes()).ok()?;
        turn(socket);
        let mut line = String::new();
        let timeout = Some(Duration::from_millis(200));
        stream.set_read_timeout(timeout).expect("a timeout");
        BufReader::new(stream).read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    #[test]
    fn a_line_is_answered_by_a_line() {
        let s = socket("line");
        let mut c = UnixStream::connect(at("line")).expect("connects");
        let mode = std::fs::metadata(at("line"))
            .expect("metadata")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, MODE);
        let ok = ask(&s, &mut c, "{\"req\":\"why\"}\n").expect("an answer");
        assert_eq!((ok.errno, &ok.args["resp"]), (0, &Value::from("why")));
        let bad = ask(&s, &mut c, "{\"req\":\"bad\"}\n").expect("an answer");
        assert_eq!(bad.errno, libc::EINVAL);
        let bad = ask(&s, &mut c, "nonsense\n").expect("an answer");
        assert_eq!(bad.errno, libc::EINVAL);
        drop(s);
        assert!(!at("line").exists());
    }

    #[test]
    fn who_sends_too_much_is_dropped() {
        let s = socket("much");
        let mut c = UnixStream::connect(at("much")).expect("connects");
        assert!(ask(&s, &mut c, &"x".repeat(REQUEST_MAX + 1)).is_none());
        turn(&s);
        assert!(s.state.borrow().clients.is_empty());
    }

    #[test]
    fn a_big_reply_waits_for_its_reader_and_nothing_else_does() {
        let s = socket("big");
        let mut slow = UnixStream::connect(at("big")).expect("connects");
        slow.write_all(b"{\"req\":\"big\"}\n{\"req\":\"next\"}\n")
            .expect("writes");
        turn(&s);
        let mut quick = UnixStream::connect(at("big")).expect("connects");
        assert!(ask(&s, &mut quick, "{\"req\":\"why\"}\n").is_some());
        slow.set_nonblocking(true).expect("nonblocking");
        let (mut got, mut bytes) = (Vec::new(), vec![0; 65_536]);
        for _ in 0..200 {
            match slow.read(&mut bytes) {
                Ok(n) => got.extend_from_slice(&bytes[..n]),
                Err(_) => turn(&s),
            }
        }
        assert_eq!(got.iter().filter(|b| **b == b'\n').count(), 2);
    }

    #[test]
    fn a_crowd_is_bounded() {
        let s = socket("crowd");
        let crowd: Vec<_> = (0..CLIENTS_MAX + 4)
            .map(|_| UnixStream::connect(at("crowd")).expect("connects"))
            .collect();
        turn(&s);
        assert_eq!(s.state.borrow().clients.len(), CLIENTS_MAX);
        drop(crowd);
    }

    #[test]
    fn a_flood_is_served_later() {
        let s = socket("flood");
        let mut c = UnixStream::connect(at("flood")).expect("connects");
        let flood = "{\"req\":\"x\"}\n".repeat(50);
        for _ in 0..4 {
            let _ = c.write_all(flood.as_bytes());
            turn(&s);
        }
        assert!(s.state.borrow().rate.is_paused());
        let mut late = UnixStream::connect(at("flood")).expect("waits in the backlog");
        assert!(ask(&s, &mut late, "{\"req\":\"x\"}\n").is_none());
        s.state.borrow_mut().rate.end_window();
        s.tick().expect("a new window");
        turn(&s);
        let mut line = String::new();
        BufReader::new(late)
            .read_line(&mut line)
            .expect("an answer");
        assert!(line.contains("\"errno\":0"), "{line}");
    }

    /// As many as there is room for; a closed one waits to be accepted, too.
    #[test]
    fn a_burst_of_closed_connections_shuts_nobody_out() {
        const MOMENT: Duration = Duration::from_millis(1);
        let s = socket("burst");
        let path = at("burst");
        let burst = (0..10 * RATE_MAX).take_while(|_| unix_socket::connect(&path, MOMENT).is_ok());
        assert!(burst.count() > 1);
        turn(&s);
        let mut late = UnixStream::connect(&path).expect("connects");
        assert!(ask(&s, &mut late, "{\"req\":\"x\"}\n").is_some());
    }

    #[test]
    fn only_a_socket_is_replaced() {
        let path = std::env::temp_dir().join(format!("photon-no-socket-{}", std::process::id()));
        std::fs::write(&path, "a file").expect("writes");
        assert!(Socket::bind(&path).is_err());
        assert!(path.exists());
        std::fs::remove_file(&path).expect("removes");
    }
}
