// SPDX-License-Identifier: GPL-2.0-only
//! The processes of a desktop with a game: hardware stand-ins, desktop, sound server, wineserver,
//! launcher, and the game.

pub mod audio;
pub mod desktop;
pub mod extras;
pub mod game;
pub mod hardware;
pub mod pool;
pub mod render;
pub mod wine;
pub mod wiring;
