// SPDX-License-Identifier: GPL-2.0-only
//! One scenario a file.

pub mod attach;
pub mod bench;
pub mod boot;
pub mod cost;
pub mod counters;
pub mod critical_path;
pub mod cycles;
pub mod demo;
pub mod detach;
pub mod display;
pub mod ejection;
pub mod faults;
pub mod hotplug;
pub mod input;
pub mod input_bound;
pub mod input_classes;
pub mod input_irq;
pub mod input_rings;
pub mod layout;
pub mod no_config;
pub mod no_probe;
pub mod spread;
pub mod wait_bound;
