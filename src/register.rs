// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon run -- COMMAND`: the command says that it is a game. Needs no
//! privileges and never fails a game: without a daemon the command just runs.
//!
//! The daemon takes nothing from the client but its credentials, which the kernel
//! vouches for. So a user can name processes of his own and no others.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use log::info;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags};
use nix::sys::signal::kill;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;
use photon_bench::sockets::{ANSWER_MAX, REGISTERED, REGISTRATION};

use crate::rate::{self, Rate};
use crate::socket_name::SocketName;
use crate::unix_socket::{self, BACKLOG};

/// The daemon answers in microseconds or is not worth waiting for.
const ANSWER: Duration = Duration::from_millis(200);
/// A session of play is shorter.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// At a time, so that nobody fills the daemon's memory.
const PER_USER: usize = 16;
const IN_ALL: usize = 256;
/// New entries a second, each of which is a line in the log and a look at all processes. Nobody starts so many games.
const RATE_MAX: u32 = 20;
/// Connections a second; more wait for the next one. A loop of them must not keep the daemon busy.
const CONNECTIONS_MAX: u32 = 64;
const _: () = assert!((BACKLOG as u32) < CONNECTIONS_MAX);
const NO: &[u8] = b"full\n";

/// Tells the daemon, then becomes the command. Returns only if that fails.
pub fn run(command: &[OsString]) -> anyhow::Error {
    if let Err(e) = tell(Path::new(REGISTRATION), ANSWER) {
        log::debug!("not registered: {e:#}");
    }
    let Some((program, args)) = command.split_first() else {
        return anyhow::anyhow!("no command");
    };
    let error = Command::new(program).args(args).exec();
    anyhow::anyhow!("{}: {error}", program.to_string_lossy())
}

fn tell(path: &Path, patience: Duration) -> Result<()> {
    let begin = Instant::now();
    let mut stream = unix_socket::connect(path, patience).context("connecting")?;
    // Of both waits together; one that has used it all up is an error here.
    stream.set_read_timeout(Some(patience.saturating_sub(begin.elapsed())))?;
    let mut answer = [0; ANSWER_MAX];
    let n = stream.read(&mut answer).context("waiting for the answer")?;
    anyhow::ensure!(&answer[..n] == REGISTERED, "the daemon takes no more");
    Ok(())
}

struct Entry {
    uid: u32,
    /// In the kernel's ticks since boot, if /proc tells us: a number may be used again.
    began: Option<u64>,
    until: Instant,
}

impl Entry {
    fn is_still(&self, now: &Entry) -> bool {
        self.uid == now.uid && self.began.is_some() && self.began == now.began
    }
}

fn began(pid: u32) -> Option<u64> {
    let process = procfs::process::Process::new(pid as i32).ok()?;
    Some(process.stat().ok()?.starttime)
}

/// Asked of the kernel, because /proc may be mounted to hide it. That we may not send it a signal is an answer too.
fn lives(pid: u32) -> bool {
    kill(Pid::from_raw(pid as i32), None) != Err(Errno::ESRCH)
}

#[derive(PartialEq)]
enum Entered {
    New,
    Again,
    Refused,
}

/// The daemon's side.
pub struct Registry {
    listener: UnixListener,
    _name: SocketName,
    /// Holds the listener, but for the rest of a second that is used up.
    epoll: Epoll,
    connections: Rate,
    entries: HashMap<u32, Entry>,
    /// New entries of this second.
    spent: u32,
}

impl Registry {
    pub fn listen(socket: &Path) -> Result<Self> {
        if let Some(dir) = socket.parent() {
            std::fs::create_dir_all(dir).context("making the socket's directory")?;
        }
        // Of a daemon that was killed; ours is the only one that can be attached.
        let _ = std::fs::remove_file(socket);
        let listener = unix_socket::listen(socket).context("opening the socket")?;
        std::fs::set_permissions(socket, PermissionsExt::from_mode(0o666))?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("creating epoll")?;
        rate::listen(&epoll, &listener)?;
        Ok(Registry {
            listener,
            _name: SocketName::of(socket),
            epoll,
            connections: Rate::new(CONNECTIONS_MAX),
            entries: HashMap::new(),
            spent: 0,
        })
    }

    /// Readable when a client waits.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }

    /// To be called once a second or so: the next window begins.
    pub fn tick(&mut self) {
        // What cannot be listened to again is tried at the next call.
        if self.connections.renew(&self.epoll, &self.listener) == Ok(true) {
            self.spent = 0;
            // Before anybody else can have the number of one that has ended.
            self.forget(Instant::now());
        }
    }

    /// Answers clients that wait; true if there is a new entry.
    pub fn accept(&mut self) -> bool {
        self.tick();
        let mut any = false;
        while let Some(mut client) = self.connections.accept(&self.listener) {
            // A client that is gone has nothing to be told.
            let Ok(peer) = getsockopt(&client, PeerCredentials) else {
                continue;
            };
            let entered = self.enter(peer.pid() as u32, peer.uid());
            let taken = entered != Entered::Refused;
            let _ = client.set_nonblocking(true);
            let _ = client.write_all(if taken { REGISTERED } else { NO });
            any |= entered == Entered::New;
        }
        let _ = self.connections.pause(&self.epoll, &self.listener);
        any
    }

    /// One that is in it already costs neither a line of the log nor a look at all processes, or a loop of its would.
    fn enter(&mut self, pid: u32, uid: u32) -> Entered {
        let now = Instant::now();
        let entry = Entry {
            uid,
            began: began(pid),
            until: now + LIFE,
        };
        if let Some(old) = self.entries.get_mut(&pid)
            && old.is_still(&entry)
        {
            *old = entry;
            return Entered::Again;
        }
        if self.spent >= RATE_MAX {
            return Entered::Refused;
        }
        self.forget(now);
        let of_user = self.entries.values().filter(|e| e.uid == uid).count();
        if of_user >= PER_USER || self.entries.len() >= IN_ALL {
            return Entered::Refused;
        }
        self.spent += 1;
        info!("process {pid} of user {uid} says that it is a game");
        self.entries.insert(pid, entry);
        Entered::New
    }

    fn forget(&mut self, now: Instant) {
        self.entries.retain(|pid, e| e.until > now && lives(*pid));
    }

    /// Has this process asked, and is it still the same user's?
    pub fn contains(&self, pid: u32, uid: u32) -> bool {
        let entry = self.entries.get(&pid);
        entry.is_some_and(|e| e.uid == uid && e.until > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::unix::net::UnixStream;

    fn named(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("photon-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_client_registers_itself_and_nobody_else() {
        let path = named("run");
        let mut registry = Registry::listen(&path).expect("a socket");
        let client = std::thread::spawn({
            let path = path.clone();
            // As long as it takes on a busy machine.
            move || tell(&path, Duration::from_secs(5))
        });
        let begin = Instant::now();
        while !registry.accept() && begin.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
        client.join().expect("no panic").expect("registered");
        let uid = nix::unistd::getuid().as_raw();
        assert!(registry.contains(std::process::id(), uid));
        assert!(
            !registry.contains(std::process::id(), uid + 1),
            "a number used again"
        );
        assert!(!registry.contains(1, 0));
        drop(registry);
        assert!(!path.exists());
        assert!(
            tell(&path, ANSWER).is_err(),
            "nobody listens: the command runs anyway"
        );
    }

    fn connect(path: &Path) -> UnixStream {
        unix_socket::connect(path, ANSWER).expect("there is room")
    }

    /// Nobody accepts: as behind a daemon that is stopped.
    #[test]
    fn a_full_backlog_keeps_no_game_from_starting() {
        let path = named("backlog");
        let _registry = Registry::listen(&path).expect("a socket");
        let clients: Vec<_> = (0..=BACKLOG).map(|_| connect(&path)).collect();
        let begin = Instant::now();
        assert!(tell(&path, ANSWER).is_err());
        // A busy machine's delays included.
        assert!(begin.elapsed() < 10 * ANSWER, "{:?}", begin.elapsed());
        drop(clients);
    }

    #[test]
    fn a_user_gets_so_many_and_the_dead_make_room() {
        let path = named("full");
        let mut registry = Registry::listen(&path).expect("a socket");
        let me = std::process::id();
        let uid = 1000;
        assert!((0..PER_USER).all(|i| {
            let entered = registry.enter(me, uid + 1);
            let entry = registry.entries.remove(&me);
            registry
                .entries
                .insert(i as u32 + 1_000_000_000, entry.expect("entered"));
            entered == Entered::New
        }));
        // None of these processes exists: there is room again.
        assert!(registry.enter(me, uid + 1) == Entered::New);
        assert_eq!(registry.entries.len(), 1);
        for pid in [1, me] {
            assert!(registry.enter(pid, uid) == Entered::New);
        }
    }

    #[test]
    fn a_flood_is_let_in_slowly() {
        let path = named("flood");
        let mut registry = Registry::listen(&path).expect("a socket");
        // One process of two users in turn: the number of entries is no bound.
        let me = std::process::id();
        let entered = (0..10 * RATE_MAX).map(|n| registry.enter(me, n % 2));
        let new = entered.filter(|e| *e == Entered::New).count();
        assert_eq!(new as u32, RATE_MAX);
        registry.connections.end_window();
        registry.tick();
        assert!(registry.enter(me, 1000) == Entered::New);
        // The number of one that has ended may be anybody's.
        let ended = 1_000_000_000;
        let entry = registry.entries.remove(&me).expect("entered");
        registry.entries.insert(ended, entry);
        assert!(registry.contains(ended, 1000));
        registry.connections.end_window();
        registry.tick();
        assert!(!registry.contains(ended, 1000));
        assert!(registry.enter(me, 1000) == Entered::New);
        // Who says it again costs nothing.
        let again = |_| registry.enter(me, 1000) == Entered::Again;
        assert!((0..10 * RATE_MAX).all(again));
    }

    #[test]
    fn a_loop_of_connections_waits_for_the_next_window() {
        let path = named("loop");
        let mut registry = Registry::listen(&path).expect("a socket");
        let readable = |r: &Registry| {
            let mut fds = [PollFd::new(r.fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::ZERO).expect("polls") == 1
        };
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            clients.push(connect(&path));
            assert!(readable(&registry));
            registry.accept();
        }
        clients.push(connect(&path));
        assert!(!readable(&registry), "one waits, and is not heard");
        registry.connections.end_window();
        registry.tick();
        assert!(readable(&registry));
        registry.accept();
        assert!(!readable(&registry), "nobody waits");
        drop(clients);
    }
}
