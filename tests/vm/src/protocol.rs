// SPDX-License-Identifier: GPL-2.0-only
//! The lines a guest writes for the host: `@photon ` and one JSON object. The host ignores everything else, so a
//! scenario may print what it likes to its own stdout.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::Write;

const PREFIX: &str = "@photon ";

/// One line of `/etc/photon-jobs`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The name the host reports the result under; unique within a boot.
    pub name: String,
    pub scenario: String,
    #[serde(default)]
    pub args: Vec<String>,
    /// Guest seconds after which PID 1 kills the job and reports it as failed.
    #[serde(default = "default_limit_s")]
    pub limit_s: u64,
    /// Steps of sleep before it begins: the same test at another phase of everything that is periodic.
    #[serde(default)]
    pub shake: u32,
}

/// Longer than any scenario should take, shorter than a developer's patience with an emulator.
fn default_limit_s() -> u64 {
    300
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Fail,
    Skip,
}

/// What a job came to. A scenario process writes it to the file named by `PHOTON_RESULT`, PID 1 adds what only it
/// can see (kernel splats, leftovers, time) and sends it to the host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    pub status: Status,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub metrics: Value,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    Mouse,
    Keyboard,
}

#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    /// PID 1 runs; boot is over as far as the kernel is concerned.
    Init {
        kernel: &'a str,
        cpus: usize,
    },
    /// A module that did not load. Not a failure by itself: it may be built in.
    Module {
        path: &'a str,
        error: &'a str,
    },
    Started {
        job: &'a str,
    },
    Result {
        job: &'a str,
        #[serde(flatten)]
        report: &'a Report,
        seconds: f64,
    },
    Heartbeat {
        uptime_s: f64,
    },
    /// A kernel splat outside any job.
    Splat {
        text: &'a str,
    },
    /// Asks the host for reports from the emulator's own mouse or keyboard, that is from a real interrupt. Needs a
    /// machine with input devices.
    Input {
        kind: InputKind,
        reports: u32,
        /// Host milliseconds between two.
        gap_ms: u64,
    },
    /// PID 1 itself cannot go on: an infrastructure error, never a test result.
    Broken {
        reason: &'a str,
    },
    Done {
        jobs: usize,
    },
}

pub fn send(event: &Event) {
    // One write call, so that the line is not cut by another process's output; and a leading newline, so that it
    // starts a line even when some program left one open.
    let body = serde_json::to_string(event).unwrap_or_default();
    let line = format!("\n{PREFIX}{body}\n");
    let mut out = std::io::stdout().lock();
    // A console that cannot be written to leaves nobody to tell.
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_line_has_defaults() {
        let job: Job = serde_json::from_str(r#"{"name":"a","scenario":"boot"}"#).unwrap();
        assert!(job.args.is_empty());
        assert_eq!(job.limit_s, default_limit_s());
    }

    #[test]
    fn result_line_is_flat() {
        let report = Report {
            status: Status::Skip,
            reason: "no uinput".into(),
            metrics: Value::Null,
        };
        let event = Event::Result {
            job: "a",
            report: &report,
            seconds: 1.5,
        };
        let v: Value = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!(v["event"], "result");
        assert_eq!(v["status"], "skip");
        assert_eq!(v["reason"], "no uinput");
    }
}
