// SPDX-License-Identifier: GPL-2.0-only
//! Whoever reads the log, and whether: no reader changes how the program ends.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No machine has this CPU; the daemon is what looks for it.
const DAEMON: &[&str] = &["--prefer-cpus", "0,511"];
const BAD_USAGE: i32 = 2;
/// For a program that ends within a second, on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

fn photon(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scx_photon"));
    command.args(args).stdin(Stdio::null());
    command.stdout(Stdio::null());
    command
}

#[test]
fn a_closed_stderr_keeps_the_exit_code() {
    for args in [&["--json"][..], DAEMON] {
        let (reader, writer) = io::pipe().expect("a pipe");
        drop(reader);
        let status = photon(args).stderr(writer).status().expect("starts");
        assert_eq!(status.code(), Some(BAD_USAGE), "{args:?}: {status}");
    }
}

/// As `2>&1 | less` has it, or a terminal after Ctrl-S.
#[test]
fn a_stderr_that_nobody_reads_does_not_keep_the_daemon() {
    let (reader, mut writer) = io::pipe().expect("a pipe");
    // SAFETY: asks only, of a descriptor that is open.
    let room = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_GETPIPE_SZ) };
    writer.write_all(&vec![b'.'; room as usize]).expect("room");
    let mut child = photon(DAEMON).stderr(writer).spawn().expect("starts");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill().expect("a child");
            child.wait().expect("a child");
            panic!("it waits for a reader");
        }
        std::thread::sleep(POLL);
    };
    assert_eq!(status.code(), Some(BAD_USAGE), "{status}");
    drop(reader);
}

/// The last lines are written by another thread than the one that ends.
#[test]
fn the_reason_is_said_before_it_ends() {
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let status = photon(DAEMON).stderr(writer).status().expect("starts");
    let mut said = String::new();
    reader.read_to_string(&mut said).expect("reads");
    assert_eq!(status.code(), Some(BAD_USAGE), "{said}");
    assert!(
        said.starts_with("scx_photon: --prefer-cpus 0,511"),
        "{said}"
    );
    assert!(said.ends_with('\n') && said.lines().count() == 1, "{said}");
}
