// SPDX-License-Identifier: GPL-2.0-only
//! The input probe: an object of its own, so that a kernel without it (no such
//! function, no permission, no function tracer) costs one log line.

use std::mem::MaybeUninit;
use std::ptr::read_volatile;

use anyhow::{Context, Result, bail};
use libbpf_rs::skel::{OpenSkel, Skel, SkelBuilder};
use libbpf_rs::{MapCore, OpenObject};

use crate::bpf::input::*;
use crate::caps;
use crate::model::{DEVICE_CLASSES, Reports, Ring, Sample};
use crate::topology::CpuMap;

pub struct InputProbe<'a> {
    skel: InputSkel<'a>,
    nr_cpus: usize,
}

impl<'a> InputProbe<'a> {
    /// Loads and attaches; `cpus` is the scheduler's map that holds the stamps.
    pub fn attach(
        map: &CpuMap,
        cpus: &impl MapCore,
        object: &'a mut MaybeUninit<OpenObject>,
    ) -> Result<Self> {
        if !caps::function_tracer() {
            bail!("the kernel is built without CONFIG_FUNCTION_TRACER");
        }
        if !scx_utils::compat::ksym_exists("input_event").unwrap_or(false) {
            bail!("the kernel has no input_event() in its BTF");
        }
        let mut open = InputSkelBuilder::default()
            .open(object)
            .context("opening")?;
        open.progs.scx_lib_init_probe.set_autoload(false);
        open.maps
            .bss_cpus
            .reuse_fd(cpus.as_fd())
            .context("sharing the CPU contexts")?;
        let rodata = open.maps.rodata_data.as_mut().context("no .rodata")?;
        rodata.cpu_ring.copy_from_slice(&map.ring);
        let mut skel = open.load().context("loading")?;
        skel.attach().context("attaching")?;
        Ok(InputProbe {
            skel,
            nr_cpus: map.nr_cpus,
        })
    }

    /// The 16 rings, by number.
    pub fn rings(&self) -> [&dyn MapCore; crate::topology::NR_RINGS] {
        let m = &self.skel.maps;
        [
            &m.ring_0, &m.ring_1, &m.ring_2, &m.ring_3, &m.ring_4, &m.ring_5, &m.ring_6, &m.ring_7,
            &m.ring_8, &m.ring_9, &m.ring_10, &m.ring_11, &m.ring_12, &m.ring_13, &m.ring_14,
            &m.ring_15,
        ]
    }

    /// Adds the kernel side's counts to a sample; `read` is the drain's.
    pub fn fill(&self, sample: &mut Sample, read: &[u64]) {
        if let Some(data) = self.skel.maps.bss_rings_data.as_ref() {
            for (count, read) in data.ring_counts.iter().zip(read) {
                // SAFETY: a copy of mapped memory that the kernel writes.
                let c = unsafe { read_volatile(count) };
                sample.rings.push(Ring {
                    events: c.events,
                    drops: c.drops,
                    read: *read,
                });
            }
        }
        for (class, name) in DEVICE_CLASSES.iter().enumerate() {
            let reports = self.reports_of(class);
            sample
                .input
                .insert((*name).to_string(), Reports { reports });
        }
    }

    fn reports_of(&self, class: usize) -> u64 {
        let Some(data) = self.skel.maps.bss_reports_data.as_ref() else {
            return 0;
        };
        let cpus = data.reports.iter().take(self.nr_cpus);
        // SAFETY: as above; one aligned word.
        cpus.map(|cpu| unsafe { read_volatile(&cpu.v[class]) })
            .sum()
    }
}
