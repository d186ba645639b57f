// SPDX-License-Identifier: GPL-2.0-only
//! What a VM test is: a scenario with its arguments, on a machine, and what it must come to. The table is in `jobs`.

use crate::guest::{Job, Report, Status};
use crate::qemu::{Clock, Machine};

/// Names the sabotage a scenario is to run under, with the twin that has it.
pub const SABOTAGE_FLAG: &str = "--sabotage";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    EveryKernel,
    /// What hardly differs between a kernel and the next: the oldest and the newest of those that nobody has named, all
    /// of those that somebody has.
    OldestAndNewest,
    /// What does not depend on the kernel is tested on the newest one asked for.
    NewestKernel,
    /// What takes long and hardly depends on it: the newest of those that nobody has named, all of those that somebody
    /// has, as `--kernel all` does.
    NewestOrNamed,
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
    pub smp: &'static str,
    pub clock: Clock,
    pub input_devices: bool,
    pub display: bool,
    pub jobs: &'static [Spec],
}

pub const fn test(scenario: &'static str, args: &'static [&'static str], limit_s: u64) -> Spec {
    named(scenario, scenario, args, limit_s)
}

pub const fn named(
    name: &'static str,
    scenario: &'static str,
    args: &'static [&'static str],
    limit_s: u64,
) -> Spec {
    Spec {
        name,
        scenario,
        args,
        limit_s,
        expect: Expect::Pass,
    }
}

pub const fn twin(
    name: &'static str,
    scenario: &'static str,
    args: &'static [&'static str],
    reason: &'static str,
) -> Spec {
    Spec {
        name,
        scenario,
        args,
        limit_s: 200,
        expect: Expect::Failure(reason),
    }
}

/// Virtual time, no input devices; what most boots are.
pub const fn boot(name: &'static str, on: On, smp: &'static str, jobs: &'static [Spec]) -> Boot {
    Boot {
        name,
        on,
        smp,
        clock: Clock::Virtual,
        input_devices: false,
        display: false,
        jobs,
    }
}

impl Boot {
    pub fn machine(&self) -> Machine {
        Machine {
            smp: self.smp.to_string(),
            clock: self.clock,
            input_devices: self.input_devices,
            display: self.display,
        }
    }
}

impl Job {
    /// The one of a command of its own, which is called as its scenario.
    pub fn new(scenario: &str, args: Vec<String>, limit_s: u64) -> Job {
        Job {
            name: scenario.to_string(),
            scenario: scenario.to_string(),
            args,
            limit_s,
            shake: 0,
        }
    }
}

impl Spec {
    pub fn needs_twin(&self) -> bool {
        self.args.contains(&SABOTAGE_FLAG)
    }

    pub fn job(&self, shake: u32) -> Job {
        Job {
            name: self.name.to_string(),
            scenario: self.scenario.to_string(),
            args: self.args.iter().map(|a| a.to_string()).collect(),
            limit_s: self.limit_s,
            shake,
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
}
