// SPDX-License-Identifier: GPL-2.0-only
//! What the game has to do, before anything runs: the draws of each frame, and the time they
//! would take on a machine with a CPU for every thread.

pub mod draws;
pub mod ideal;
