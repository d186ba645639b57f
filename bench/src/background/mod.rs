// SPDX-License-Identifier: GPL-2.0-only
//! What runs beside the game: honest loads, and adversaries that try to look important. Each is
//! a process of its own; each counts its work, its deadlines and its longest wait.

mod burners;
mod children;
mod encoder;
mod ipc;
mod timers;

pub use children::{JOB_COMMAND, job_main};

use crate::crew::{Ctx, ThreadReport};
use anyhow::{Context, Result, bail};
use std::str::FromStr;

/// What the number behind a background's name counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    PerCpu,
    InAll,
}

/// One kind of background: name, unit, default amount, and what it is.
pub struct Kind {
    pub name: &'static str,
    pub unit: Unit,
    pub default: f64,
    pub about: &'static str,
    run: fn(&Ctx, usize) -> Result<Vec<ThreadReport>>,
}

/// All backgrounds there are.
pub const KINDS: [Kind; 17] = [
    Kind {
        name: "hogs",
        unit: Unit::PerCpu,
        default: 3.0,
        run: burners::hogs,
        about: "threads that never sleep",
    },
    Kind {
        name: "bystander",
        unit: Unit::PerCpu,
        default: 1.0,
        run: burners::bystander,
        about: "hogs counted apart, to see who an adversary takes from",
    },
    Kind {
        name: "compile",
        unit: Unit::PerCpu,
        default: 2.0,
        run: children::compile,
        about: "job slots of fork+exec jobs of 150 ms, one in five of 5 ms",
    },
    Kind {
        name: "shader",
        unit: Unit::PerCpu,
        default: 1.0,
        run: burners::shader,
        about: "shader precompile: nice 19, SCHED_BATCH, jobs of 5 to 300 ms",
    },
    Kind {
        name: "encoder",
        unit: Unit::InAll,
        default: 5.0,
        run: encoder::run,
        about: "60 Hz capture and that many slice threads of 4 ms, due within the period",
    },
    Kind {
        name: "browser",
        unit: Unit::InAll,
        default: 3.0,
        run: timers::browser,
        about: "tabs: 60 Hz main thread and compositor, six timer threads each",
    },
    Kind {
        name: "decompress",
        unit: Unit::InAll,
        default: 3.0,
        run: burners::decompress,
        about: "threads with jobs of 10 to 50 ms between short reads",
    },
    Kind {
        name: "ipc",
        unit: Unit::InAll,
        default: 20.0,
        run: ipc::run,
        about: "ping-pong pairs over socket pairs, 10 us of work a turn",
    },
    Kind {
        name: "sleeper",
        unit: Unit::PerCpu,
        default: 2.0,
        run: timers::sleeper,
        about: "adversary: 1 ms of work, 50 us of sleep",
    },
    Kind {
        name: "runnable1000",
        unit: Unit::InAll,
        default: 1000.0,
        run: burners::runnable,
        about: "adversary: that many runnable threads",
    },
    Kind {
        name: "nicehog",
        unit: Unit::PerCpu,
        default: 1.0,
        run: burners::nice_hogs,
        about: "adversary: hogs of nice -20",
    },
    Kind {
        name: "namedhog",
        unit: Unit::PerCpu,
        default: 1.0,
        run: burners::named_hogs,
        about: "adversary: hogs with the names of a game's threads",
    },
    Kind {
        name: "forkstorm",
        unit: Unit::PerCpu,
        default: 2.0,
        run: children::fork_storm,
        about: "adversary: slots of forked children of 1 ms",
    },
    Kind {
        name: "mimic",
        unit: Unit::PerCpu,
        default: 2.0,
        run: timers::mimic,
        about: "adversary: 120 Hz timer threads with 85 % of a CPU each",
    },
    Kind {
        name: "rtnoise",
        unit: Unit::InAll,
        default: 6600.0,
        run: timers::rt_noise,
        about: "real-time compositor noise: bursts of 17 us a second, SCHED_RR 1",
    },
    Kind {
        name: "burst",
        unit: Unit::PerCpu,
        default: 1.0,
        run: burners::shader_burst,
        about: "in-game shader compile: nice 0, jobs of 50 to 500 ms every 5 s",
    },
    Kind {
        name: "batch",
        unit: Unit::PerCpu,
        default: 1.0,
        run: burners::batch_hogs,
        about: "hogs of SCHED_BATCH, nice 0",
    },
];

/// A background and how much of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Background {
    kind: usize,
    amount: f64,
}

impl Background {
    /// `none`, or names with optional amounts: `compile,hogs:3`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>> {
        if text == "none" {
            return Ok(Vec::new());
        }
        text.split(',').map(str::parse).collect()
    }

    pub fn name(&self) -> &'static str {
        KINDS[self.kind].name
    }

    fn count(&self, cpus: usize) -> usize {
        let scale = match KINDS[self.kind].unit {
            Unit::PerCpu => cpus as f64,
            Unit::InAll => 1.0,
        };
        (self.amount * scale).ceil() as usize
    }

    /// The body of the background's process.
    pub fn run(&self, ctx: &Ctx) -> Result<Vec<ThreadReport>> {
        (KINDS[self.kind].run)(ctx, self.count(ctx.cpus))
    }
}

impl FromStr for Background {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (name, amount) = match text.split_once(':') {
            Some((name, amount)) => (name, Some(amount)),
            None => (text, None),
        };
        let known = || KINDS.map(|k| k.name).join(" ");
        let Some(kind) = KINDS.iter().position(|k| k.name == name) else {
            bail!("no background '{name}'; there are: none {}", known());
        };
        let amount = match amount {
            Some(text) => text
                .parse()
                .with_context(|| format!("the amount of '{text}' in background '{name}'"))?,
            None => KINDS[kind].default,
        };
        if !(amount > 0.0 && amount <= 10_000.0) {
            bail!("background '{name}': {amount} is not an amount");
        }
        Ok(Self { kind, amount })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_parse() {
        let list = Background::parse_list("compile,hogs:1.5").unwrap();
        assert_eq!(list[0].name(), "compile");
        assert_eq!((list[0].count(4), list[1].count(4)), (8, 6));
        assert_eq!(Background::parse_list("ipc:10").unwrap()[0].count(64), 10);
        assert!(Background::parse_list("none").unwrap().is_empty());
        for bad in ["", "hog", "hogs:", "hogs:x", "hogs:-1", "hogs:nan"] {
            assert!(Background::parse_list(bad).is_err(), "{bad}");
        }
    }
}
