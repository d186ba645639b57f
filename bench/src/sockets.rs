// SPDX-License-Identifier: GPL-2.0-only
//! How scx_photon is spoken to by what is not scx_photon: the names of its sockets, and the answer to who says that it
//! is a game. Both sides take them from here.

/// Of root alone, where scx_stats puts it: every sched_ext scheduler has the same.
pub const STATS: &str = "/var/run/scx/root/stats";
/// Beside the statistics: who connects says that it is a game.
pub const REGISTRATION: &str = "/var/run/scx/root/photon-run";
/// The answer to a game that is taken; anything else is a refusal.
pub const REGISTERED: &[u8] = b"ok\n";
/// Bytes: no answer is longer.
pub const ANSWER_MAX: usize = 8;
const _: () = assert!(REGISTERED.len() < ANSWER_MAX);
