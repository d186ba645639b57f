// SPDX-License-Identifier: GPL-2.0-only
//! The daemon's sockets, without the program in between: a line of JSON each way.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Of root alone, as every sched_ext scheduler has it.
pub const STATS: &str = "/var/run/scx/root/stats";
/// Anybody may ask.
pub const PUBLIC: &str = "/run/scx_photon/socket";
/// Beside a flood the next window of requests has to begin first.
const ANSWER: Duration = Duration::from_secs(5);

/// The line that answers.
pub fn ask(socket: &str, request: &str) -> io::Result<String> {
    let mut client = UnixStream::connect(socket)?;
    client.set_read_timeout(Some(ANSWER))?;
    writeln!(client, "{request}")?;
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line)?;
    Ok(line)
}
