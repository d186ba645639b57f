// SPDX-License-Identifier: GPL-2.0-only
//! Runs scx_photon where it must end by itself, and says how it ended.

use crate::photon::scx_state;
use crate::scenario::Fail;
use std::ffi::CString;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Loading alone may take tens of seconds of guest time.
const LIMIT: Duration = Duration::from_secs(60);
/// A user with no rights of his own.
pub const NOBODY: u32 = 65534;
const POLL: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs it to its end. One that does not end is killed and a failure.
pub fn run(command: &mut Command) -> Result<Ended, Fail> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| Fail::failed(format!("{}: {e}", command.get_program().display())))?;
    // Meanwhile: who fills a pipe that nobody reads does not end.
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            return Err(Fail::failed(format!("{command:?} did not end by itself")));
        }
        std::thread::sleep(POLL);
    };
    Ok(Ended {
        code: status.code(),
        stdout: text(out)?,
        stderr: text(err)?,
    })
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<io::Result<String>> {
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_string(&mut text)?;
        }
        Ok(text)
    })
}

fn text(reader: JoinHandle<io::Result<String>>) -> Result<String, Fail> {
    let read = reader.join();
    Ok(read.map_err(|_| Fail::failed("a reader panicked"))??)
}

impl Ended {
    /// The documented code, one clear line that contains `text`, and nothing attached.
    pub fn expect(&self, what: &str, code: i32, text: &str) -> Result<(), Fail> {
        let fail = |why: String| {
            let stderr = self.stderr.trim();
            Err(Fail::failed(format!("{what}: {why}; stderr: {stderr}")))
        };
        if self.code != Some(code) {
            return fail(format!("exit code {:?}, not {code}", self.code));
        }
        let lines: Vec<&str> = self.stderr.lines().collect();
        // Usage errors are the argument parser's, in its own form.
        const USAGE: i32 = 2;
        if code != USAGE && (lines.len() != 1 || !lines[0].starts_with("scx_photon: ")) {
            return fail("not one line that starts with `scx_photon: `".to_string());
        }
        if !self.stderr.contains(text) {
            return fail(format!("no `{text}`"));
        }
        match scx_state().as_deref() {
            None | Some("disabled") => Ok(()),
            Some(state) => fail(format!("sched_ext is {state} afterwards")),
        }
    }
}

/// Lets the program see an empty directory where `path` is. Only it sees that: the mount is in a namespace of its own.
pub fn hide(command: &mut Command, path: &str) -> Result<(), Fail> {
    let path = CString::new(path).map_err(|e| Fail::failed(e.to_string()))?;
    // SAFETY: between fork and exec the closure makes system calls only, on strings that were made before.
    unsafe { command.pre_exec(move || cover(&path)) };
    Ok(())
}

fn cover(path: &CString) -> io::Result<()> {
    const TMPFS: &std::ffi::CStr = c"tmpfs";
    // SAFETY: NUL-terminated strings that outlive the calls, and no data.
    let rc = unsafe {
        match libc::unshare(libc::CLONE_NEWNS) {
            0 => libc::mount(
                TMPFS.as_ptr(),
                path.as_ptr(),
                TMPFS.as_ptr(),
                0,
                std::ptr::null(),
            ),
            rc => rc,
        }
    };
    match rc {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
