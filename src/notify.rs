// SPDX-License-Identifier: GPL-2.0-only
//! What the service manager is told, by the protocol of sd_notify(3). Without one there is nothing to tell.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use log::warn;

const SOCKET: &str = "NOTIFY_SOCKET";
/// A manager that reads nothing for so long must not hold the daemon up.
const LIMIT: Duration = Duration::from_secs(1);

/// The scheduler is attached and the sockets are open: `systemctl start` returns.
pub const READY: &str = "READY=1";
/// It ends on request.
pub const STOPPING: &str = "STOPPING=1";

pub fn tell(state: &str) {
    let Some(socket) = env::var_os(SOCKET) else {
        return;
    };
    if let Err(e) = send(&socket, state) {
        warn!("the service manager is not told {state}: {e}");
    }
}

/// To a path or, after an `@`, to an abstract name.
fn send(socket: &OsStr, state: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.set_write_timeout(Some(LIMIT))?;
    datagram.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(manager: &UnixDatagram) -> String {
        let mut text = [0; 64];
        let size = manager.recv(&mut text).expect("a message");
        String::from_utf8_lossy(&text[..size]).into_owned()
    }

    #[test]
    fn a_manager_hears_it_by_path_and_by_abstract_name() {
        let name = format!("photon-notify-{}", std::process::id());
        let path = env::temp_dir().join(&name);
        let manager = UnixDatagram::bind(&path).expect("a socket");
        send(path.as_os_str(), READY).expect("sent");
        assert_eq!(heard(&manager), READY);
        std::fs::remove_file(&path).expect("removes");
        assert!(send(path.as_os_str(), READY).is_err());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let manager = UnixDatagram::bind_addr(&address).expect("a socket");
        send(OsStr::new(&format!("@{name}")), STOPPING).expect("sent");
        assert_eq!(heard(&manager), STOPPING);
    }
}
