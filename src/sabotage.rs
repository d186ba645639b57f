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
    /// Tasks bound to a CPU are queued for it and it is not told.
    LostPinned,
    /// The same, and the timer does not look after them.
    LostPinnedNoRescue,
    /// The context of a task that leaves is never used again.
    LeakContext,
    /// A batch task that has used its slice up is not queued again.
    DropTask,
    /// A wakeup goes to the neighbouring CPU, allowed or not.
    IgnoreAffinity,
    /// What is played once is played for ever.
    KeepGame,
    /// Fair tasks keep their CPU until somebody takes it.
    EndlessSlice,
    /// Who gets a CPU does not give it back to an input reader that has found none.
    KeepCpu,
    /// Urgent work stays in its last-level cache.
    OwnLlc,
    /// Every other lap of a lane's ring is written past its end.
    RingBounds,
    /// The counter `wakeups` is never incremented.
    LostCounter,
    /// `ops.init` fails, as without memory.
    FailInit,
    /// Turns of a crowd end at ticks.
    LongTurns,
    /// Every stop of a task takes some 300 instructions more.
    Waste,
}

impl Sabotage {
    pub fn id(self) -> u32 {
        match self {
            Sabotage::NoPreempt => intf::sabotage_SABOTAGE_NO_PREEMPT,
            Sabotage::DeadQueue => intf::sabotage_SABOTAGE_DEAD_QUEUE,
            Sabotage::LostPinned => intf::sabotage_SABOTAGE_LOST_PINNED,
            Sabotage::LostPinnedNoRescue => intf::sabotage_SABOTAGE_LOST_PINNED_NO_RESCUE,
            Sabotage::LeakContext => intf::sabotage_SABOTAGE_LEAK_CONTEXT,
            Sabotage::DropTask => intf::sabotage_SABOTAGE_DROP_TASK,
            Sabotage::IgnoreAffinity => intf::sabotage_SABOTAGE_IGNORE_AFFINITY,
            Sabotage::KeepGame => intf::sabotage_SABOTAGE_KEEP_GAME,
            Sabotage::EndlessSlice => intf::sabotage_SABOTAGE_ENDLESS_SLICE,
            Sabotage::KeepCpu => intf::sabotage_SABOTAGE_KEEP_CPU,
            Sabotage::OwnLlc => intf::sabotage_SABOTAGE_OWN_LLC,
            Sabotage::RingBounds => intf::sabotage_SABOTAGE_RING_BOUNDS,
            Sabotage::LostCounter => intf::sabotage_SABOTAGE_LOST_COUNTER,
            Sabotage::FailInit => intf::sabotage_SABOTAGE_FAIL_INIT,
            Sabotage::LongTurns => intf::sabotage_SABOTAGE_LONG_TURNS,
            Sabotage::Waste => intf::sabotage_SABOTAGE_WASTE,
        }
    }
}
