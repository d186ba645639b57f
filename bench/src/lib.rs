// SPDX-License-Identifier: GPL-2.0-only
//! The game in a box: a seeded model of a game, its desktop and the loads beside it, and the
//! metrics by which a scheduler is judged. The same binary means the same in an emulator with
//! virtual time and on hardware, because all work is burnt in thread CPU time (see [`burn`]).

pub mod aggregate;
pub mod background;
pub mod budget;
pub mod burn;
pub mod cell;
pub mod cgroup;
pub mod crew;
pub mod demo;
pub mod gate;
pub mod logs;
pub mod mangohud;
pub mod metrics;
pub mod model;
pub mod page;
pub mod quantile;
pub mod queue;
pub mod report;
pub mod rng;
pub mod roles;
pub mod scenario;
pub mod sema;
pub mod sides;
pub mod sockets;
pub mod stats;
pub mod sys;
pub mod team;
pub mod untested;
