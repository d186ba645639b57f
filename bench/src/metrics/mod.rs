// SPDX-License-Identifier: GPL-2.0-only
//! What a run is judged by. [`frames`] computes from lists of times and serves the player's own
//! logs as well; [`cell`] applies it to a run; [`definitions`] says what every figure means.

pub mod cell;
pub mod definitions;
pub mod frames;
pub mod groups;
