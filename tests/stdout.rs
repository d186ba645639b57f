// SPDX-License-Identifier: GPL-2.0-only
//! Who reads what is printed: one that has seen enough ends it without a panic and without a word, as behind `| head`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

mod common;

use common::cover;
use photon_bench::untested::untested;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Of a daemon that was asked for a view.
const VIEW: &[u8] = b"{\"errno\":0,\"args\":{\"resp\":{\"version\":\"0.0.1\"}}}\n";

fn photon(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scx_photon"));
    command.args(args);
    command
}

/// Nobody reads.
fn unread(command: &mut Command) -> io::Result<Output> {
    let (reader, writer) = io::pipe()?;
    drop(reader);
    command.stdout(writer).output()
}

fn ended_quietly(out: &Output, args: &[&str]) {
    assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{args:?}");
    assert_eq!(out.status.signal(), Some(libc::SIGPIPE), "{args:?}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    for args in [
        &["--help-stats"][..],
        &["check"],
        &["games", "--json"],
        &["report", "/no/such/dir/a.tar"],
    ] {
        let out = unread(&mut photon(args)).expect("starts");
        ended_quietly(&out, args);
    }
}

/// `println!` panics there, with exit code 101.
#[test]
fn a_full_disk_is_an_error_with_one_line() {
    for args in [
        &["--help-stats"][..],
        &["check"],
        &["check", "--json"],
        &["games"],
        &["games", "--json"],
        &["status"],
        &["status", "--json"],
        &["report", "/no/such/dir/a.tar"],
    ] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let out = photon(args).stdout(full).output().expect("starts");
        let said = String::from_utf8_lossy(&out.stderr);
        let line =
            "scx_photon: cannot write to standard output: No space left on device (os error 28)\n";
        assert_eq!(
            (said.as_ref(), out.status.code()),
            (line, Some(1)),
            "{args:?}"
        );
    }
}

/// An empty directory.
fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("photon-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// With this directory as /run; None where that cannot be tried.
fn unread_with(run: &Path, args: &[&str]) -> Option<Output> {
    let dir = CString::new(run.to_str().unwrap()).unwrap();
    let mut command = photon(args);
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(move || cover(c"/run", &dir, None, libc::MS_BIND)) };
    let covered = |e| untested(&format!("/run cannot be covered: {e}"));
    unread(&mut command).map_err(covered).ok()
}

#[test]
fn the_latch_is_cleared_without_a_reader() {
    let run = scratch("clear");
    let args = ["--clear-latch"];
    if let Some(out) = unread_with(&run, &args) {
        ended_quietly(&out, &args);
    }
    std::fs::remove_dir_all(&run).unwrap();
}

/// As a daemon that is asked by one client.
fn answer(stream: UnixStream) -> io::Result<()> {
    let mut client = BufReader::new(stream);
    let mut request = String::new();
    while client.read_line(&mut request)? > 0 {
        client.get_mut().write_all(VIEW)?;
    }
    Ok(())
}

#[test]
fn a_recording_is_whole_without_a_reader() {
    let run = scratch("record");
    std::fs::create_dir(run.join("scx_photon")).unwrap();
    let listener = UnixListener::bind(run.join("scx_photon/socket")).unwrap();
    std::thread::spawn(move || listener.incoming().flatten().map(answer).for_each(drop));
    let file = run.join("a.rec");
    let path = file.to_str().unwrap();
    let args = ["record", path, "--seconds", "0.1"];
    if let Some(out) = unread_with(&run, &args) {
        ended_quietly(&out, &args);
        let shown = photon(&["replay", path, "--json"]).output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("\"version\":\"0.0.1\""), "{shown}");
    }
    std::fs::remove_dir_all(&run).unwrap();
}
