// SPDX-License-Identifier: GPL-2.0-only
//! The table of VM tests: which machines boot on which kernels, and what runs on each. To add a test, write its
//! scenario in `tests/vm/src/scenarios/` and give it a line here.

use crate::qemu::Clock;
use crate::spec::{Boot, On, SABOTAGE_FLAG, boot, named, test, twin};
use crate::twins::TWINS;

/// Four CPUs without SMT in one package: the machine of all figures.
const FOUR: &str = "4";
const TWO: &str = "2";
/// With room for two more, in sockets of their own: the kernel ignores places in one that has a CPU.
const TWO_OF_FOUR: &str = "2,sockets=4,cores=1,threads=1,maxcpus=4";
/// Two packages, so two last-level caches, and SMT.
const EIGHT_IN_TWO_LLCS: &str = "8,sockets=2,cores=2,threads=2";
/// Fewer CPUs in a cache than a game has threads that want one.
const FOUR_IN_TWO_LLCS: &str = "4,sockets=2,cores=2,threads=1";

/// Four CPUs share what the host has, and the clock is the host's: only that every task runs can be asked.
const HOTPLUG_PARALLEL: &[&str] = &["--limit-ms", "90000", "--share", "20", "--wait-ms", "20000"];

/// To sleep up to where all CPUs but one go away.
const PROCESSORS: &[&str] = &["--processors", "--cycles", "2"];

const UNDER_PHOTON: &[&str] = &["--kind", "photon", "--ops", "photon"];
/// What the scheduler costs, first in its boot: earlier jobs would change the course of the measured time.
const COST: &[&str] = &["--kind", "photon", "--ops", "photon", "--budget"];

/// Scenarios without a job: `player_bench` runs many games, for too long; `package` needs the Debian that `cargo xtask
/// systemd` boots. `demo`, `bench`, `soak` and `capabilities` have commands of their own in xtask.
#[cfg(test)]
const WITHOUT_JOB: &[&str] = &[
    "bench",
    "capabilities",
    "demo",
    "package",
    "player_bench",
    "soak",
];

/// Longest first, so that no long one is left alone at the end. Limits are three times what a scenario took, or more.
pub const BOOTS: &[Boot] = &[
    boot(
        "starvation",
        On::NewestKernel,
        FOUR,
        &[named(
            "wait_bound_60s",
            "wait_bound",
            &["--seconds", "60"],
            200,
        )],
    ),
    // On two CPUs, of which loading takes a larger share. 200 take a quarter of an hour: `cargo xtask vm -- cycles`.
    boot(
        "cycles",
        On::NewestKernel,
        TWO,
        &[named("cycles_20", "cycles", &["--cycles", "20"], 600)],
    ),
    boot(
        "four",
        On::EveryKernel,
        FOUR,
        &[
            test("boot", &["--cpus", "4"], 30),
            test("attach", &[], 120),
            test("layout", &[], 120),
            test("no_config", &[], 120),
            test("no_probe", &[], 120),
            test("input", &[], 120),
            test("input_classes", &[], 120),
            test("input_lost", &[], 120),
            test("input_bound", &[], 200),
            test("counters", &[], 200),
            test("detach", &[], 120),
            test("ejection", &[], 120),
            test("faults", &[], 200),
            test("frames", &[], 60),
            test("locks", &[], 60),
            test("hotplug", &[], 200),
            named("wait_bound_10s", "wait_bound", &["--seconds", "10"], 120),
        ],
    ),
    boot(
        "four_more",
        On::OldestAndNewest,
        FOUR,
        &[
            named("input_8khz", "input", &["--hz", "8000"], 120),
            named("input_replug", "input_classes", &["--replug"], 120),
            test("input_rings", &[], 120),
            test("taken", &[], 60),
            test("spread", &[], 120),
            test("relay", &[], 120),
            test("crowd", &[], 60),
            test("spinners", &[], 60),
            named("spinners_yield", "spinners", &["--yield"], 60),
            test("prefer", &[], 60),
        ],
    ),
    boot(
        "faults",
        On::NewestOrNamed,
        FOUR,
        &[
            test("fault", &[], 300),
            test("rescue", &[], 60),
            test("killed", &["--times", "1"], 120),
            test("suspend", &["--cycles", "1"], 120),
            named("suspend_processors", "suspend", PROCESSORS, 200),
            test("privilege", &[], 120),
            test("hostile", &[], 120),
        ],
    ),
    boot(
        "eight",
        On::NewestKernel,
        EIGHT_IN_TWO_LLCS,
        &[
            test("boot", &["--cpus", "8"], 30),
            test("daemon_cost", &[], 120),
            test("spread", &[], 120),
            test("uneven", &[], 120),
            test("input_rings", &[], 120),
            test("counters", &[], 300),
            test("hotplug", &[], 200),
            named("hotplug_smt", "hotplug", &["--smt"], 200),
        ],
    ),
    boot(
        "caches",
        On::EveryKernel,
        FOUR_IN_TWO_LLCS,
        &[
            test("attach", &[], 120),
            test("caches", &[], 60),
            test("held", &[], 60),
        ],
    ),
    boot(
        "own_llc",
        On::NewestKernel,
        FOUR_IN_TWO_LLCS,
        &[twin(
            "own_llc",
            "caches",
            &[SABOTAGE_FLAG, "own-llc"],
            "frames in two caches",
        )],
    ),
    boot(
        "bench",
        On::NewestKernel,
        FOUR,
        &[
            test("cost", COST, 200),
            test("critical_path", UNDER_PHOTON, 60),
            test("talk", &[], 60),
            // All at once, and a fifth of the 20,000 that a run by hand has.
            named("many_tasks_4000", "many_tasks", &["--tasks", "4000"], 120),
            test("games", &[], 120),
            // The last: the model stays. Elsewhere it is the kernel's choice: lazy.
            named("frames_full", "frames", &["--preempt", "full"], 60),
        ],
    ),
    boot(
        "two",
        On::NewestKernel,
        TWO,
        &[
            test("boot", &["--cpus", "2"], 30),
            test("spread", &[], 120),
            test("input", &[], 120),
            named("wait_bound_10s", "wait_bound", &["--seconds", "10"], 120),
            test("early", &[], 120),
            // The last: nothing of BPF loads after it.
            test("lockdown", &[], 60),
        ],
    ),
    // Here everybody is bound to the one CPU, nobody finds a victim elsewhere, and the daemon waits for it, too.
    boot(
        "one",
        On::NewestKernel,
        "1",
        &[
            test("boot", &["--cpus", "1"], 30),
            test("attach", &[], 120),
            test("spread", &[], 120),
            named("wait_bound_3s", "wait_bound", &["--seconds", "3"], 120),
            test("probe_cost", &[], 60),
        ],
    ),
    Boot {
        input_devices: true,
        ..boot(
            "interrupt",
            On::EveryKernel,
            TWO,
            &[
                test("input_irq", &[], 300),
                test("irq_wake", &["--reports", "150"], 300),
            ],
        )
    },
    Boot {
        input_devices: true,
        ..boot(
            "plug",
            On::EveryKernel,
            TWO_OF_FOUR,
            &[test("plug", &[], 900)],
        )
    },
    Boot {
        display: true,
        ..boot(
            "display",
            On::EveryKernel,
            TWO,
            &[
                test("display", &[], 120),
                test("submits", &[], 120),
                test("frequency", &[], 120),
                // The last: it takes the display's modules away.
                test("submitter", &[], 120),
            ],
        )
    },
    boot("sabotage", On::NewestKernel, FOUR, TWINS),
    Boot {
        clock: Clock::Parallel,
        ..boot(
            "races",
            On::NewestKernel,
            FOUR,
            &[
                test("attach", &[], 600),
                test("hotplug", HOTPLUG_PARALLEL, 600),
                // 20 took 199 to 720 s of the host's time, one of them 56.
                named("cycles_5", "cycles", &["--cycles", "5"], 1200),
            ],
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Of the guest's table, `("boot", scenarios::boot::run),` a line.
    fn scenarios() -> BTreeSet<&'static str> {
        let text = include_str!("../../tests/vm/src/scenario.rs");
        let name = |line: &'static str| {
            let (name, run) = line.trim().strip_prefix("(\"")?.split_once('"')?;
            run.starts_with(", scenarios::").then_some(name)
        };
        text.lines().filter_map(name).collect()
    }

    #[test]
    fn every_scenario_has_a_job_or_a_reason_and_every_job_a_scenario() {
        let all = scenarios();
        let jobs = BOOTS.iter().flat_map(|boot| boot.jobs);
        let run: BTreeSet<&str> = jobs.map(|job| job.scenario).collect();
        let without: BTreeSet<&str> = WITHOUT_JOB.iter().copied().collect();
        let both: Vec<_> = run.intersection(&without).collect();
        assert!(both.is_empty(), "they have a job: {both:?}");
        let known: BTreeSet<&str> = run.union(&without).copied().collect();
        let lost: Vec<_> = all.difference(&known).collect();
        assert!(lost.is_empty(), "no job runs {lost:?}");
        let unknown: Vec<_> = known.difference(&all).collect();
        assert!(unknown.is_empty(), "no such scenario: {unknown:?}");
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
