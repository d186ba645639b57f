// SPDX-License-Identifier: GPL-2.0-only
//! What host and guest say to each other: a job list in, `@photon {json}` lines out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

const PREFIX: &str = "@photon ";

#[derive(Debug, Clone, Serialize)]
pub struct Job {
    pub name: String,
    pub scenario: String,
    pub args: Vec<String>,
    /// Guest seconds.
    pub limit_s: u64,
    /// Steps of the guest's sleep before it.
    pub shake: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Fail,
    Skip,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Report {
    pub status: Status,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub metrics: Value,
    #[serde(default)]
    pub seconds: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    Mouse,
    Keyboard,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    Init {
        kernel: String,
        cpus: usize,
    },
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
    Heartbeat {},
    Splat {
        text: String,
    },
    Broken {
        reason: String,
    },
    Done {},
    /// The guest asks for input reports from a device of the emulator, that is from a real interrupt.
    Input {
        kind: InputKind,
        reports: u32,
        gap_ms: u64,
    },
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
    fn events_parse() {
        let line = r#"noise @photon {"event":"result","job":"a","status":"fail","reason":"r","metrics":{"x":1},"seconds":2.5}"#;
        match parse(line) {
            Some(Event::Result { job, report }) => {
                assert_eq!(
                    (job.as_str(), report.status, report.reason.as_str()),
                    ("a", Status::Fail, "r")
                );
                assert_eq!(report.metrics["x"], 1);
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            parse("@photon {\"event\":\"heartbeat\",\"uptime_s\":3.0}\r"),
            Some(Event::Heartbeat {})
        ));
        assert!(parse("@photon {\"event\":\"res").is_none());
        assert!(parse("[    0.1] a kernel line").is_none());
    }

    #[test]
    fn input_requests_parse() {
        let line = r#"@photon {"event":"input","kind":"mouse","reports":100,"gap_ms":2}"#;
        assert!(matches!(
            parse(line),
            Some(Event::Input {
                kind: InputKind::Mouse,
                reports: 100,
                gap_ms: 2
            })
        ));
    }
}
