// SPDX-License-Identifier: GPL-2.0-only
//! The table of VM tests: which machines boot on which kernels, and what runs on each. To add a test, write its
//! scenario in `tests/vm/src/scenarios/` and give it a line here.

use crate::guest::{Job, Report, Status};
use crate::qemu::{Clock, Machine};

/// Names the sabotage a scenario is to run under, with the twin that has it.
pub const SABOTAGE_FLAG: &str = "--sabotage";
/// Four CPUs without SMT in one package: the machine of all figures.
const FOUR: &str = "4";
const TWO: &str = "2";
/// Two packages, so two last-level caches, and SMT.
const EIGHT_IN_TWO_LLCS: &str = "8,sockets=2,cores=2,threads=2";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    EveryKernel,
    /// What does not depend on the kernel is tested on the newest one asked for.
    NewestKernel,
}

#[derive(Debug, Clone, Copy)]
pub enum Expect {
    Pass,
    /// A sabotage twin: the scenario must fail, with a reason that contains this.
    Failure(&'static str),
}

pub struct Spec {
    pub name: &'static str,
    pub scenario: &'static str,
    pub args: &'static [&'static str],
    /// Guest seconds.
    pub limit_s: u64,
    pub expect: Expect,
}

pub struct Boot {
    pub name: &'static str,
    pub on: On,
    smp: &'static str,
    clock: Clock,
    input_devices: bool,
    pub jobs: &'static [Spec],
}

const fn test(name: &'static str, args: &'static [&'static str], limit_s: u64) -> Spec {
    Spec {
        name,
        scenario: name,
        args,
        limit_s,
        expect: Expect::Pass,
    }
}

pub const BOOTS: &[Boot] = &[
    Boot {
        name: "four",
        on: On::EveryKernel,
        smp: FOUR,
        clock: Clock::Virtual,
        input_devices: false,
        jobs: &[test("boot", &["--cpus", "4"], 30), test("attach", &[], 120)],
    },
    Boot {
        name: "two",
        on: On::NewestKernel,
        smp: TWO,
        clock: Clock::Virtual,
        input_devices: false,
        jobs: &[test("boot", &["--cpus", "2"], 30), test("attach", &[], 120)],
    },
    Boot {
        name: "eight",
        on: On::NewestKernel,
        smp: EIGHT_IN_TWO_LLCS,
        clock: Clock::Virtual,
        input_devices: false,
        jobs: &[test("boot", &["--cpus", "8"], 30), test("attach", &[], 120)],
    },
];

impl Boot {
    pub fn machine(&self) -> Machine {
        Machine {
            smp: self.smp.to_string(),
            clock: self.clock,
            input_devices: self.input_devices,
        }
    }
}

impl Spec {
    pub fn needs_twin(&self) -> bool {
        self.args.contains(&SABOTAGE_FLAG)
    }

    pub fn job(&self) -> Job {
        Job {
            name: self.name.to_string(),
            scenario: self.scenario.to_string(),
            args: self.args.iter().map(|a| a.to_string()).collect(),
            limit_s: self.limit_s,
        }
    }

    /// The test's own verdict on what the scenario reported.
    pub fn judge(&self, report: &Report) -> (Status, String) {
        match (self.expect, report.status) {
            (Expect::Pass, status) => (status, report.reason.clone()),
            (Expect::Failure(_), Status::Skip) => (Status::Skip, report.reason.clone()),
            (Expect::Failure(_), Status::Pass) => {
                (Status::Fail, "the sabotage was not noticed".to_string())
            }
            (Expect::Failure(wanted), Status::Fail) if report.reason.contains(wanted) => (
                Status::Pass,
                format!("failed as it must: {}", report.reason),
            ),
            (Expect::Failure(wanted), Status::Fail) => (
                Status::Fail,
                format!("failed, but not by `{wanted}`: {}", report.reason),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn report(status: Status, reason: &str) -> Report {
        Report {
            status,
            reason: reason.into(),
            metrics: Value::Null,
            seconds: 0.0,
        }
    }

    #[test]
    fn a_twin_passes_by_failing_for_the_right_reason() {
        let twin = Spec {
            expect: Expect::Failure("p99"),
            ..test("input", &[], 1)
        };
        assert_eq!(
            twin.judge(&report(Status::Fail, "p99 is 4 ms")).0,
            Status::Pass
        );
        assert_eq!(
            twin.judge(&report(Status::Fail, "did not attach")).0,
            Status::Fail
        );
        assert_eq!(twin.judge(&report(Status::Pass, "")).0, Status::Fail);
        assert_eq!(
            twin.judge(&report(Status::Skip, "no uinput")).0,
            Status::Skip
        );
    }

    #[test]
    fn job_names_are_unique_within_a_boot() {
        for boot in BOOTS {
            let mut names: Vec<_> = boot.jobs.iter().map(|j| j.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), boot.jobs.len(), "{}", boot.name);
        }
    }
}
