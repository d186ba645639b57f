// SPDX-License-Identifier: GPL-2.0-only
//! The probes that were not turned off, attached; one that the kernel does not allow costs a log line
//! and is None.

use std::mem::MaybeUninit;

use libbpf_rs::OpenObject;
use log::warn;

use crate::cli::Cli;
use crate::display::DisplayProbe;
use crate::exec::ExecProbe;
use crate::loader::Scheduler;
use crate::lock::LockProbe;
use crate::probe::InputProbe;

pub fn input<'a>(
    cli: &Cli,
    scheduler: &Scheduler<'_>,
    object: &'a mut MaybeUninit<OpenObject>,
) -> Option<InputProbe<'a>> {
    if cli.no_input_probe {
        return None;
    }
    InputProbe::attach(cli, scheduler, object)
        .inspect_err(|e| warn!("input probe off: {e:#}; input is scheduled by behaviour alone"))
        .ok()
}

pub fn display<'a>(
    cli: &Cli,
    scheduler: &Scheduler<'_>,
    object: &'a mut MaybeUninit<OpenObject>,
) -> Option<DisplayProbe<'a>> {
    if cli.no_display_probe {
        return None;
    }
    DisplayProbe::attach(cli, scheduler, object)
        .inspect_err(|e| {
            warn!("display probe off: {e:#}; displays are followed by behaviour alone")
        })
        .ok()
}

pub fn exec<'a>(cli: &Cli, object: &'a mut MaybeUninit<OpenObject>) -> Option<ExecProbe<'a>> {
    if cli.no_exec_probe {
        return None;
    }
    ExecProbe::attach(cli, object)
        .inspect_err(|e| warn!("exec probe off: {e:#}; games are found at the start, by `run`, and beside a launcher every 15 s"))
        .ok()
}

pub fn lock(
    cli: &Cli,
    scheduler: &Scheduler<'_>,
    object: &mut MaybeUninit<OpenObject>,
) -> Option<LockProbe> {
    if cli.no_lock_probe {
        return None;
    }
    LockProbe::attach(cli, scheduler, object)
        .inspect_err(|e| warn!("lock probe off: {e:#}; holders of locks are not helped"))
        .ok()
}
