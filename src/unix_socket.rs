// SPDX-License-Identifier: GPL-2.0-only
//! Both ends of a socket of the daemon. Neither waits without a bound: only so many
//! connections queue for the daemon, and who finds no room there gives up in time.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, socket};

/// Connections that wait to be accepted; one that is closed meanwhile still counts. Fewer than either socket accepts in
/// a second, so that a burst of them is over with that second, and more than a desktop's panels and terminals open at
/// once.
pub const BACKLOG: i32 = 32;

/// Does not block when it accepts.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    let listener = UnixListener::bind(path)?;
    // The standard library has asked for as many as the system allows, 4,096 of them.
    nix::sys::socket::listen(&listener, Backlog::new(BACKLOG)?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Waits for room in the queue as long as `patience`, which is not zero; then the error is `WouldBlock`. What is
/// written afterwards waits as long.
pub fn connect(path: &Path, patience: Duration) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let stream = UnixStream::from(socket(AddressFamily::Unix, SockType::Stream, flags, None)?);
    // The kernel's bound for a connect, too: without it a daemon that is stopped would hold its clients for ever.
    stream.set_write_timeout(Some(patience))?;
    nix::sys::socket::connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    const PATIENCE: Duration = Duration::from_millis(20);
    /// A machine that is busy with other tests is late.
    const LATE: Duration = Duration::from_secs(5);

    fn named(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("photon-{name}-{}", std::process::id()))
    }

    /// As many as find room.
    fn burst(path: &Path) -> Vec<UnixStream> {
        let one = |_| connect(path, PATIENCE).expect("there is room");
        (0..=BACKLOG).map(one).collect()
    }

    /// Nobody accepts: as behind a daemon that is stopped.
    #[test]
    fn a_full_queue_holds_nobody() {
        let path = named("queue");
        let listener = listen(&path).expect("a socket");
        // Closed, they are in the queue all the same.
        drop(burst(&path));
        let begin = Instant::now();
        let error = connect(&path, PATIENCE).expect_err("it is full");
        let took = begin.elapsed();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(PATIENCE <= took && took < LATE, "{took:?}");
        listener.accept().expect("one waits");
        connect(&path, PATIENCE).expect("there is room again");
        std::fs::remove_file(&path).expect("removes");
    }

    #[test]
    fn who_waits_comes_in_when_there_is_room() {
        let path = named("room");
        let listener = listen(&path).expect("a socket");
        let burst = burst(&path);
        let late = std::thread::spawn({
            let path = path.clone();
            move || connect(&path, LATE)
        });
        listener.accept().expect("one waits");
        late.join().expect("no panic").expect("came in");
        drop(burst);
        std::fs::remove_file(&path).expect("removes");
    }
}
