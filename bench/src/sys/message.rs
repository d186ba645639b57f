// SPDX-License-Identifier: GPL-2.0-only
//! Fixed-size messages of three integers over pipes and sockets.

use super::fd::{read_raw, write_raw};
use std::io;
use std::os::fd::AsRawFd;

const WORDS: usize = 3;
const BYTES: usize = WORDS * size_of::<u64>();

pub type Message = [u64; WORDS];

/// Send one message. Smaller than `PIPE_BUF`, so it is atomic on a pipe.
pub fn send(fd: &impl AsRawFd, message: Message) -> io::Result<()> {
    let mut bytes = [0u8; BYTES];
    for (to, word) in bytes.chunks_exact_mut(size_of::<u64>()).zip(message) {
        to.copy_from_slice(&word.to_ne_bytes());
    }
    write_raw(fd.as_raw_fd(), &bytes).map(|_| ())
}

/// Receive one message, blocking unless the descriptor does not.
pub fn receive(fd: &impl AsRawFd) -> io::Result<Message> {
    let mut bytes = [0u8; BYTES];
    let n = read_raw(fd.as_raw_fd(), &mut bytes)?;
    if n != BYTES {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "short message",
        ));
    }
    let mut message = [0; WORDS];
    for (to, from) in message.iter_mut().zip(bytes.chunks_exact(size_of::<u64>())) {
        let mut word = [0; size_of::<u64>()];
        word.copy_from_slice(from);
        *to = u64::from_ne_bytes(word);
    }
    Ok(message)
}
