// SPDX-License-Identifier: GPL-2.0-only
//! Who is playing. `watch` says when to look, `procfs` reads processes, `decide`
//! judges what was read: a pure function, with a table of process trees as test.

pub mod decide;
pub mod hidden;
mod home;
mod names;
mod procfs;
mod rates;
pub mod rules;
pub mod show;
pub mod tree;
pub mod watch;

#[cfg(test)]
mod table;
