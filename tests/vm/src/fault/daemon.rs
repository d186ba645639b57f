// SPDX-License-Identifier: GPL-2.0-only
//! The daemon cannot run, or is asked more than it can answer. Scheduling is the kernel part's and goes on.

use super::{Amount, Slack};
use crate::asked::{PUBLIC, ask, holds_for};
use crate::device::{Device, MOUSE};
use crate::oneshot::NOBODY;
use crate::photon::Photon;
use crate::sample::Sample;
use crate::scenario::Fail;
use photon_bench::sockets::STATS;
use photon_bench::sys::clock::NS_PER_MS;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// It accepts fifty a second, so that a proper client is behind these for some seconds.
const PUBLIC_CLIENTS: Amount = 100;
/// Also where the time is the host's.
const ANSWERED: Duration = Duration::from_secs(60);
/// A mouse at 1 kHz.
const PERIOD_NS: u64 = NS_PER_MS;
/// What may be in the rings when it goes on: it reads all of it, and nothing is counted twice.
const SETTLE: Duration = Duration::from_millis(200);

/// SIGSTOP, with a mouse that moves meanwhile; afterwards every report was either read or counted as dropped, which
/// begins after some 2 s.
pub fn stopped(photon: &Photon, ms: Amount, _: Slack) -> Result<u64, Fail> {
    let mouse = Device::new(&MOUSE)?;
    let before = Sample::settled(photon)?.reports("mouse")?;
    photon.signal(libc::SIGSTOP);
    let played = mouse.play(0, ms * NS_PER_MS / PERIOD_NS, PERIOD_NS);
    photon.signal(libc::SIGCONT);
    played?;
    std::thread::sleep(SETTLE);
    let sample = Sample::settled(photon)?;
    let sum = |name| Ok::<u64, Fail>(sample.rings(name)?.iter().sum());
    let (events, drops, read) = (sum("events")?, sum("drops")?, sum("read")?);
    let reports = sample.reports("mouse")? - before;
    if reports < ms * NS_PER_MS / PERIOD_NS || events < reports || read + drops != events {
        return Err(Fail::failed(format!(
            "{reports} reports, {events} events, {drops} dropped, {read} read"
        )));
    }
    Ok(reports)
}

/// Clients that ask nonsense, ask without end, or never read the answer. A proper one is still answered. All are
/// root's, whom the limits on strangers spare; a stranger's flood, and a game beside it, is the scenario `hostile`.
pub fn socket_flooded(photon: &Photon, clients: Amount, _: Slack) -> Result<u64, Fail> {
    let mut open = Vec::new();
    for (socket, most) in [(STATS, clients), (PUBLIC, clients.min(PUBLIC_CLIENTS))] {
        open.extend(flood(socket, most)?);
        is_answered(socket)?;
    }
    // The daemon prints on: it is neither stuck nor gone.
    Sample::settled(photon)?;
    drop(open);
    Sample::settled(photon)?;
    Ok(clients)
}

fn flood(socket: &str, clients: Amount) -> Result<Vec<UnixStream>, Fail> {
    let mut open = Vec::new();
    for n in 0..clients {
        let mut client = UnixStream::connect(socket)?;
        client.set_nonblocking(true)?;
        let text: &[u8] = match n % 4 {
            0 => b"\xff\xfe\x00nonsense\n",
            1 => b"{\"req\":\"stats\",\"args\":{}}\n{\"req\":\"stats\",\"args\":{}}\n",
            2 => &[b'['; 65536],
            _ => b"",
        };
        // A full socket, or one that the server has closed already, is what a flood looks like.
        let _ = client.write_all(text);
        open.push(client);
    }
    Ok(open)
}

/// Sooner or later: a daemon that is asked too much says that it is busy.
fn is_answered(socket: &str) -> Result<(), Fail> {
    let begin = Instant::now();
    loop {
        match ask(socket, "{\"req\":\"stats\",\"args\":{}}") {
            Ok(line) if line.contains("\"errno\":0") => return Ok(()),
            got if begin.elapsed() > ANSWERED => {
                return Err(Fail::failed(format!("{socket}: {got:?}")));
            }
            _ => {}
        }
    }
}

/// Who is not root does not get as far as asking.
pub fn socket_refuses_nobody(_: &Photon, _: Amount, _: Slack) -> Result<u64, Fail> {
    let refused = || {
        let connected = UnixStream::connect(STATS);
        connected.is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
    };
    match holds_for(NOBODY, refused)? {
        true => Ok(1),
        false => Err(Fail::failed("nobody may connect to the statistics socket")),
    }
}
