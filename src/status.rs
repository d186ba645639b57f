// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon status`: one line for panels and for MangoHud's `exec`. What is
//! attached is the kernel's word (/sys/kernel/sched_ext); the daemon only adds
//! what it has seen, if it answers in time.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::caps::SCHED_EXT;
use crate::client::{self, Client};
use crate::latch;
use crate::say;
use crate::shutdown::end_with_the_reader;

/// For room in the queue, and once more for the answer.
const TIMEOUT: Duration = Duration::from_millis(3);
const OURS: &str = "photon";

/// Is an attached scheduler of this name scx_photon?
pub fn is_ours(ops: &str) -> bool {
    ops == OURS || ops.starts_with(&format!("{OURS}_"))
}

/// What the daemon adds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Daemon {
    pub pid: u32,
    pub uptime_s: f64,
    /// The process whose frames it looks at; empty without one.
    pub process: String,
    pub frame_ms: f64,
    pub stutters: usize,
}

/// Is there somebody at the socket?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Heartbeat {
    Answers,
    /// There is one, and no answer in time: it waits for a CPU.
    Busy,
    Silent,
}

#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// scx_photon schedules, by the kernel's word.
    pub scheduling: bool,
    /// `disabled`, `enabling`, `enabled`, `disabling`; none without sched_ext.
    pub state: Option<String>,
    /// The attached scheduler.
    pub ops: Option<String>,
    /// Schedulers attached since boot.
    pub enable_seq: Option<u64>,
    /// Tasks that a scheduler refused since boot.
    pub nr_rejected: Option<u64>,
    /// All tasks are in its hands, not only those that asked for it.
    pub switch_all: Option<u64>,
    /// It was ejected in this boot and stays off.
    pub latched: bool,
    pub heartbeat: Heartbeat,
    pub daemon: Option<Daemon>,
}

/// The exit codes of `status`; 0 is "scx_photon schedules".
const NO_SCHED_EXT: u8 = 4;
const KERNELS_OWN: u8 = 10;
const ANOTHER: u8 = 11;
const NO_DAEMON: u8 = 12;

impl Status {
    /// What the kernel says under a directory like /sys/kernel/sched_ext.
    fn of_kernel(dir: &Path) -> Self {
        let text = |name: &str| {
            let text = std::fs::read_to_string(dir.join(name)).ok()?;
            Some(text.trim().to_string())
        };
        let number = |name: &str| text(name)?.parse().ok();
        let state = text("state");
        let ops = text("root/ops").filter(|ops| !ops.is_empty());
        let on = state.as_deref().is_some_and(|s| s != "disabled");
        Status {
            scheduling: state.as_deref() == Some("enabled")
                && ops.as_ref().is_some_and(|ops| is_ours(ops)),
            ops: if on { ops } else { None },
            enable_seq: number("enable_seq"),
            nr_rejected: number("nr_rejected"),
            switch_all: number("switch_all"),
            state,
            latched: false,
            heartbeat: Heartbeat::Silent,
            daemon: None,
        }
    }

    /// The kernel's word and the daemon's.
    pub fn now() -> Self {
        let mut status = Status::of_kernel(Path::new(SCHED_EXT));
        status.latched = latch::is_set();
        status.ask();
        status
    }

    /// Asks the daemon, if the kernel says that there is one.
    fn ask(&mut self) {
        if !self.scheduling {
            return;
        }
        let mut client = match Client::connect_within(TIMEOUT) {
            Ok(client) => client,
            Err(e) if client::is_full(&e) => {
                self.heartbeat = Heartbeat::Busy;
                return;
            }
            Err(_) => return,
        };
        self.daemon = client.ask("status").ok();
        self.heartbeat = match self.daemon {
            Some(_) => Heartbeat::Answers,
            None => Heartbeat::Busy,
        };
    }

    fn exit_code(&self) -> u8 {
        match (&self.state, &self.ops) {
            (None, _) => NO_SCHED_EXT,
            (_, None) => KERNELS_OWN,
            (_, Some(ops)) if !is_ours(ops) => ANOTHER,
            // On its way in or out.
            _ if !self.scheduling => KERNELS_OWN,
            _ if self.heartbeat == Heartbeat::Silent => NO_DAEMON,
            _ => 0,
        }
    }

    fn line(&self) -> String {
        let Some(state) = &self.state else {
            return "scx_photon off: this kernel has no sched_ext".into();
        };
        let Some(ops) = &self.ops else {
            let mut line = "scx_photon off: the kernel's own scheduler is in charge".to_string();
            if self.latched {
                line += "; it was ejected (journalctl -u scx_photon), and stays off until the next boot or \
                         `sudo scx_photon --clear-latch`";
            }
            return line;
        };
        if !self.scheduling {
            return format!("scx_photon off: {ops} is {state}");
        }
        let Some(d) = &self.daemon else {
            return match self.heartbeat {
                Heartbeat::Busy => "scx_photon on; its daemon is busy".into(),
                _ => "scx_photon on, but its daemon does not answer".into(),
            };
        };
        let mut line = format!("scx_photon on for {}", duration(d.uptime_s));
        if !d.process.is_empty() {
            let s = if d.stutters == 1 { "" } else { "s" };
            line += &format!(
                "; {} at {:.1} ms a frame, {} stutter{s}",
                d.process, d.frame_ms, d.stutters
            );
        }
        line
    }
}

/// `12 s`, `3 min`, `5.2 h`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Prints the line; the exit code.
pub fn run(as_json: bool) -> Result<u8> {
    let status = Status::now();
    end_with_the_reader();
    if as_json {
        say::line(serde_json::to_string(&status)?)?;
    } else {
        say::line(status.line())?;
    }
    Ok(status.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explained::explains_each_name;

    /// A directory like the kernel's.
    fn kernel(name: &str, state: &str, ops: Option<&str>) -> Status {
        let dir = std::env::temp_dir().join(format!("photon-{name}-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("root")).expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).expect("writes");
        write("state", &format!("{state}\n"));
        write("enable_seq", "3\n");
        if let Some(ops) = ops {
            write("root/ops", &format!("{ops}\n"));
        }
        let status = Status::of_kernel(&dir);
        std::fs::remove_dir_all(&dir).expect("removes");
        status
    }

    #[test]
    fn the_kernel_is_believed() {
        let none = Status::of_kernel(Path::new("/nowhere"));
        assert_eq!(none.exit_code(), NO_SCHED_EXT);
        let off = kernel("off", "disabled", None);
        assert_eq!((off.exit_code(), off.enable_seq), (KERNELS_OWN, Some(3)));
        let mut off = off;
        assert!(!off.line().contains("--clear-latch"), "{}", off.line());
        off.latched = true;
        assert!(off.line().contains("--clear-latch"), "{}", off.line());
        assert_eq!(off.exit_code(), KERNELS_OWN);
        let other = kernel("other", "enabled", Some("photonic_1.0"));
        assert_eq!(other.exit_code(), ANOTHER);
        assert_eq!(other.line(), "scx_photon off: photonic_1.0 is enabled");
        let leaves = kernel("leaves", "disabling", Some("photon_0.1.0_x86_64"));
        assert_eq!(leaves.exit_code(), KERNELS_OWN);
        let mut ours = kernel("ours", "enabled", Some("photon_0.1.0_x86_64"));
        assert_eq!(ours.exit_code(), NO_DAEMON);
        ours.heartbeat = Heartbeat::Busy;
        assert_eq!(ours.exit_code(), 0);
        ours.heartbeat = Heartbeat::Answers;
        ours.daemon = Some(Daemon {
            uptime_s: 300.0,
            process: "game".into(),
            frame_ms: 16.66,
            stutters: 1,
            ..Daemon::default()
        });
        let line = ours.line();
        assert_eq!(
            line,
            "scx_photon on for 5 min; game at 16.7 ms a frame, 1 stutter"
        );
    }

    #[test]
    fn every_name_in_the_json_is_explained() {
        let status = Status {
            daemon: Some(Daemon::default()),
            ..kernel("names", "enabled", Some("photon"))
        };
        let json = serde_json::to_value(status).expect("JSON");
        explains_each_name("status", &[&json, &json["daemon"]]);
    }
}
