// SPDX-License-Identifier: GPL-2.0-only
//! Another process that a game waits for, as for a Wine server: bound to a CPU, it answers byte for byte.

use crate::game::RENDER_CPU;
use crate::load::{burn, pin};
use photon_bench::sys::clock::NS_PER_MS;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

const WORK_NS: u64 = NS_PER_MS;

pub struct Server {
    child: Child,
    ask: Option<ChildStdin>,
    answer: ChildStdout,
}

impl Server {
    pub fn start() -> io::Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let none = || io::Error::other("a server without pipes");
        Ok(Server {
            ask: Some(child.stdin.take().ok_or_else(none)?),
            answer: child.stdout.take().ok_or_else(none)?,
            child,
        })
    }

    pub fn ask(&mut self) -> io::Result<()> {
        if let Some(ask) = &mut self.ask {
            ask.write_all(&[0])?;
        }
        self.answer.read_exact(&mut [0])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.ask = None;
        let _ = self.child.wait();
    }
}

/// The other process.
pub fn serve() -> ExitCode {
    // SAFETY: a NUL-terminated string that lives through the call.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"server".as_ptr()) };
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("server: {e}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> io::Result<()> {
    pin(RENDER_CPU)?;
    let (mut asked, mut out) = (io::stdin().lock(), io::stdout().lock());
    let mut byte = [0];
    while asked.read(&mut byte)? == 1 {
        burn(WORK_NS);
        out.write_all(&byte)?;
        out.flush()?;
    }
    Ok(())
}
