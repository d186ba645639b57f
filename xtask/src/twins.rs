// SPDX-License-Identifier: GPL-2.0-only
//! What runs in the boot of the sabotage twins: scenarios that need a broken build, and those that must notice one.

use crate::spec::{SABOTAGE_FLAG, Spec, named, test, twin};

/// One game of the six is enough to see the waste.
const COST_WASTED: &[&str] = &[
    "--kind",
    "photon",
    "--ops",
    "photon",
    "--budget",
    "--seeds",
    "1",
    SABOTAGE_FLAG,
    "waste",
];

pub const TWINS: &[Spec] = &[
    test("look", &[], 120),
    test("family", &[], 120),
    test("kin", &[], 120),
    test("tunables", &[], 150),
    test("flags", &[], 60),
    test("why", &[], 150),
    twin(
        "why_no_preempt",
        "why",
        &["--load", SABOTAGE_FLAG, "no-preempt"],
        "which scx_photon did not preempt",
    ),
    twin(
        "keep_game",
        "family",
        &[SABOTAGE_FLAG, "keep-game"],
        "played on without a daemon",
    ),
    named("stall", "stall", &[SABOTAGE_FLAG, "dead-queue"], 60),
    named(
        "stall_short",
        "stall",
        &["--dump-bytes", "1024", SABOTAGE_FLAG, "dead-queue"],
        60,
    ),
    named("refused", "refused", &[SABOTAGE_FLAG, "fail-init"], 60),
    named("rescue", "rescue", &[SABOTAGE_FLAG, "lost-pinned"], 60),
    named(
        "endless_slice",
        "rescue",
        &[SABOTAGE_FLAG, "endless-slice"],
        60,
    ),
    twin(
        "leak_context",
        "fault",
        &["threads", SABOTAGE_FLAG, "leak-context"],
        "contexts leak",
    ),
    twin(
        "drop_task",
        "fault",
        &["clock", SABOTAGE_FLAG, "drop-task"],
        "ejected",
    ),
    twin(
        "ignore_affinity",
        "fault",
        &["affinity", SABOTAGE_FLAG, "ignore-affinity"],
        "ejected",
    ),
    twin(
        "no_rescue",
        "rescue",
        &[SABOTAGE_FLAG, "lost-pinned-no-rescue"],
        "past the cap",
    ),
    twin(
        "long_turns",
        "spinners",
        &[SABOTAGE_FLAG, "long-turns"],
        "a spinner waited",
    ),
    twin(
        "no_preempt",
        "input_bound",
        &[SABOTAGE_FLAG, "no-preempt"],
        "times lower",
    ),
    twin(
        "frames_no_preempt",
        "frames",
        &[SABOTAGE_FLAG, "no-preempt"],
        "disturb the game",
    ),
    twin(
        "keep_cpu",
        "taken",
        &[SABOTAGE_FLAG, "keep-cpu"],
        "the reader waited",
    ),
    twin(
        "keep_cpu_bound",
        "taken",
        &["--bound", SABOTAGE_FLAG, "keep-cpu"],
        "the reader waited",
    ),
    twin(
        "dead_queue",
        "wait_bound",
        &["--seconds", "3", SABOTAGE_FLAG, "dead-queue"],
        "kind batch waited",
    ),
    twin(
        "ring_bounds",
        "input_lost",
        &[SABOTAGE_FLAG, "ring-bounds"],
        "malformed events",
    ),
    twin(
        "lost_counter",
        "counters",
        &[SABOTAGE_FLAG, "lost-counter"],
        // Only this one: every counter's name is in the list behind it.
        "never incremented: wakeups;",
    ),
    // All of it, and not one program that nobody has given a budget.
    twin("waste", "cost", COST_WASTED, "all callbacks"),
];
