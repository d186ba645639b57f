// SPDX-License-Identifier: GPL-2.0-only
//! The display probe: vblanks and GPU fences. An object of its own; each of its
//! tracepoints may be missing (no DRM module loaded) and costs one capability.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::ptr::read_volatile;

use anyhow::{Context, Result, bail};
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{Link, MapCore, OpenObject, ProgramMut};
use log::debug;

use crate::bpf::display::*;
use crate::bpf::intf;
use crate::cli::Cli;
use crate::libbpf;
use crate::loader::Scheduler;
use crate::model::{Delay, Display, NS_PER_US, Sample};

pub struct DisplayProbe<'a> {
    skel: DisplaySkel<'a>,
    /// Detached when dropped.
    links: Vec<Link>,
    vblanks: bool,
    fences: bool,
    nr_cpu_ids: usize,
}

/// A tracepoint that is not there is no error.
fn attach(prog: &ProgramMut<'_>) -> Option<Link> {
    let refused = |e: &_| debug!("{}: {e}", prog.name().to_string_lossy());
    prog.attach().inspect_err(refused).ok()
}

/// Two programs that are told of as one: both, in this order, or none.
fn attach_both([first, second]: [&ProgramMut<'_>; 2]) -> Vec<Link> {
    let both = attach(first).and_then(|first| Some(vec![first, attach(second)?]));
    both.unwrap_or_default()
}

impl<'a> DisplayProbe<'a> {
    /// Loads, and attaches what there is; the scheduler's maps hold the stamps and
    /// the threads. An error if nothing could be attached.
    pub fn attach(
        cli: &Cli,
        scheduler: &Scheduler<'_>,
        object: &'a mut MaybeUninit<OpenObject>,
    ) -> Result<Self> {
        let options = libbpf::options(&cli.libbpf)?;
        let opened = libbpf::open(DisplaySkelBuilder::default(), options, object);
        let mut open = opened.context("opening")?;
        open.progs.scx_lib_init_probe.set_autoload(false);
        open.maps
            .bss_cpus
            .reuse_fd(scheduler.cpus_map().as_fd())
            .context("sharing the CPU contexts")?;
        open.maps
            .bss_tasks
            .reuse_fd(scheduler.tasks_map().as_fd())
            .context("sharing the task contexts")?;
        open.maps
            .bss_clock
            .reuse_fd(scheduler.clock_map().as_fd())
            .context("sharing the clock")?;
        let skel = open.load().context("loading")?;
        let p = &skel.progs;
        // The one that clears a stamp before the one that sets it.
        let mut links = attach_both([&p.on_vblank, &p.on_vblank_event]);
        let vblanks = !links.is_empty();
        let of_fences = attach_both([&p.on_fence_init, &p.on_fence_signaled]);
        let fences = !of_fences.is_empty();
        links.extend(of_fences);
        if links.is_empty() {
            bail!("this kernel has no vblank events and no GPU fences now");
        }
        Ok(DisplayProbe {
            skel,
            links,
            vblanks,
            fences,
            nr_cpu_ids: scheduler.topology().nr_cpu_ids,
        })
    }

    /// What of it is on, for the start line.
    pub fn describe(&self) -> &'static str {
        match (self.vblanks, self.fences) {
            (true, true) => "vblanks, fences",
            (true, false) => "vblanks",
            (false, true) => "fences",
            (false, false) => "off",
        }
    }

    /// Adds what it has seen to a sample.
    pub fn fill(&self, sample: &mut Sample) {
        let mut display = Display {
            probes: self.links.len() as u64,
            ..Display::default()
        };
        if let Some(data) = self.skel.maps.bss_display_data.as_ref() {
            for cpu in data.display_counts.iter().take(self.nr_cpu_ids) {
                // SAFETY: a copy of mapped memory; each word has one writer.
                let cpu = unsafe { read_volatile(cpu) };
                display.vblanks += cpu.vblanks;
                display.fences += cpu.fences;
                display.submits += cpu.submits;
            }
        }
        if let Some(data) = self.skel.maps.bss_pipes_data.as_ref() {
            for pipe in &data.pipes {
                // SAFETY: as above; one aligned word.
                let period = unsafe { read_volatile(&pipe.period) };
                if period > 0 {
                    display.period_us.push(period as f64 / NS_PER_US);
                }
            }
        }
        display.fence_us = self.fence_delays();
        sample.display = display;
    }

    fn fence_delays(&self) -> Delay {
        let mut sum = vec![0u64; intf::HIST_BUCKETS as usize];
        let mut max = 0;
        if let Some(data) = self.skel.maps.bss_fences_data.as_ref() {
            for cpu in data.fence_delays.iter().take(self.nr_cpu_ids) {
                // SAFETY: as above.
                let cpu = unsafe { read_volatile(cpu) };
                for (s, n) in sum.iter_mut().zip(cpu.bucket) {
                    *s += u64::from(n);
                }
                max = max.max(cpu.max);
            }
        }
        Delay::from_buckets(&sum, max)
    }

    /// GPU fences made since the probe was attached, by process.
    pub fn submits(&self) -> HashMap<u32, u64> {
        let map = &self.skel.maps.submitters;
        let word = |bytes: Vec<u8>| bytes.try_into().ok().map(u64::from_ne_bytes);
        let entry = |key: Vec<u8>| {
            let made = map.lookup(&key, libbpf_rs::MapFlags::ANY).ok()??;
            Some((u32::from_ne_bytes(key.try_into().ok()?), word(made)?))
        };
        map.keys().filter_map(entry).collect()
    }
}
