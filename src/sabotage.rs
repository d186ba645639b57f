// SPDX-License-Identifier: GPL-2.0-only
//! Deliberate faults, so that the tests can be seen to fail. Only in builds with
//! the feature `sabotage`, which is never shipped.

use crate::bpf::intf;

/// What to break; `enum sabotage` in `src/bpf/intf.h`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Sabotage {
    /// Urgent tasks wait in the queue instead of preempting.
    NoPreempt,
    /// Batch tasks go to a queue that nobody drains.
    DeadQueue,
    /// The counter `wakeups` is never incremented.
    LostCounter,
    /// Every stop of a task takes some 250 instructions more.
    Waste,
}

impl Sabotage {
    pub fn id(self) -> u32 {
        match self {
            Sabotage::NoPreempt => intf::sabotage_SABOTAGE_NO_PREEMPT,
            Sabotage::DeadQueue => intf::sabotage_SABOTAGE_DEAD_QUEUE,
            Sabotage::LostCounter => intf::sabotage_SABOTAGE_LOST_COUNTER,
            Sabotage::Waste => intf::sabotage_SABOTAGE_WASTE,
        }
    }
}
