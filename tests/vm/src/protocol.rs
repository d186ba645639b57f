// SPDX-License-Identifier: GPL-2.0-only
//! What host and guest say to each other: a job list in, and lines out, each `@photon ` and one JSON object. The host
//! ignores everything else, so a scenario may print what it likes to its own stdout. xtask includes this file, so that
//! both mean the same.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::Write;

const PREFIX: &str = "@photon ";

/// One line of `/etc/photon-jobs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The name the host reports the result under; unique within a boot.
    pub name: String,
    pub scenario: String,
    pub args: Vec<String>,
    /// Guest seconds after which PID 1 kills the job and reports it as failed.
    pub limit_s: u64,
    /// Steps of sleep before it begins: the same test at another phase of everything that is periodic.
    pub shake: u32,
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub status: Status,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub metrics: Value,
    /// Of the guest's time; 0 until PID 1 knows.
    #[serde(default)]
    pub seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    Mouse,
    Keyboard,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    /// PID 1 runs; boot is over as far as the kernel is concerned.
    Init {
        kernel: String,
        cpus: usize,
    },
    /// A module that did not load. Not a failure by itself: it may be built in.
    Module {
        path: String,
        error: String,
    },
    Started {
        job: String,
    },
    Result {
        job: String,
        #[serde(flatten)]
        report: Report,
    },
    /// A sign of life.
    Heartbeat {},
    /// A kernel splat outside any job.
    Splat {
        text: String,
    },
    /// Asks the host for reports from the emulator's own mouse or keyboard, that is from a real interrupt. Needs a
    /// machine with input devices.
    Input {
        kind: InputKind,
        reports: u32,
        /// Host milliseconds between two.
        gap_ms: u64,
    },
    /// Asks the host for one more CPU. Needs a machine with input devices, for its control socket, and room for a CPU.
    Plug {},
    /// PID 1 itself cannot go on: an infrastructure error, never a test result.
    Broken {
        reason: String,
    },
    Done {},
}

pub fn send(event: &Event) {
    // One write call, so that the line is not cut by another process's output; and a leading newline, so that it
    // starts a line even when some program left one open.
    let line = format!("\n{}\n", written(event));
    let mut out = std::io::stdout().lock();
    // A console that cannot be written to leaves nobody to tell.
    let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
}

fn written(event: &Event) -> String {
    format!(
        "{PREFIX}{}",
        serde_json::to_string(event).unwrap_or_default()
    )
}

/// The event in a serial line, if there is one. Whatever stands before the prefix is some program's unfinished line.
pub fn parse(line: &str) -> Option<Event> {
    let (_, json) = line.split_once(PREFIX)?;
    serde_json::from_str(json.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_side_says_the_other_hears() {
        let name = || "a".to_string();
        for event in [
            Event::Init {
                kernel: "7.3".into(),
                cpus: 4,
            },
            Event::Module {
                path: "/m.ko".into(),
                error: "ENOENT".into(),
            },
            Event::Started { job: name() },
            Event::Result {
                job: name(),
                report: Report {
                    status: Status::Fail,
                    reason: "late\nby 2 ms".into(),
                    metrics: serde_json::json!({"x": 1.5, "rows": [1, 2]}),
                    seconds: 2.5,
                },
            },
            Event::Heartbeat {},
            Event::Splat {
                text: "WARNING: \"x\"".into(),
            },
            Event::Input {
                kind: InputKind::Mouse,
                reports: 100,
                gap_ms: 2,
            },
            Event::Plug {},
            Event::Broken {
                reason: "no job list".into(),
            },
            Event::Done {},
        ] {
            let line = written(&event);
            assert_eq!(line.lines().count(), 1, "{line}");
            assert_eq!(parse(&format!("noise {line}\r")), Some(event));
        }
    }

    #[test]
    fn a_job_is_read_as_it_was_written() {
        let job = Job {
            name: "fault_long".into(),
            scenario: "fault".into(),
            args: vec!["--long".into()],
            limit_s: 300,
            shake: 2,
        };
        let line = serde_json::to_string(&job).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        assert_eq!(serde_json::from_str::<Job>(&line).unwrap(), job);
    }

    #[test]
    fn what_is_no_event_is_none() {
        assert!(parse("@photon {\"event\":\"res").is_none());
        assert!(parse("[    0.1] a kernel line").is_none());
    }
}
