// SPDX-License-Identifier: GPL-2.0-only
//! One scenario a file.

pub mod attach;
pub mod boot;
pub mod demo;
