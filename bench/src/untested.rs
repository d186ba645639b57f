// SPDX-License-Identifier: GPL-2.0-only
//! For tests: what cannot be tried on this machine is not to be counted as passed.

use std::fs::OpenOptions;
use std::io::Write;

/// The environment variable that names the file in which whoever counts looks, a line a test.
pub const FILE: &str = "PHOTON_UNTESTED";

/// Says that the calling test could not be run, and why. The file gets its name and a space first.
pub fn untested(why: &str) {
    let thread = std::thread::current();
    // The harness names threads so.
    let line = format!("{} {why}", thread.name().unwrap_or("?"));
    // Not by a macro, whose words the harness keeps to itself when a test passes.
    let _ = writeln!(std::io::stderr(), "not tested: {line}");
    if let Some(path) = std::env::var_os(FILE) {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        assert!(
            written.is_ok(),
            "the list of what was not tested: {written:?}"
        );
    }
}
