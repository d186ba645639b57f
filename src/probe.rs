// SPDX-License-Identifier: GPL-2.0-only
//! The input probe: an object of its own, so that a kernel without it (no such
//! function, no permission, no function tracer) costs one log line.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::rc::Rc;

use anyhow::{Context, Error, Result};
use libbpf_rs::skel::{OpenSkel, Skel};
use libbpf_rs::{MapCore, OpenObject};

use crate::bpf::input::*;
use crate::caps;
use crate::cli::Cli;
use crate::drain::Totals;
use crate::lanes::Lanes;
use crate::libbpf;
use crate::loader::Scheduler;
use crate::model::{DEVICE_CLASSES, Reports, Ring, Sample};
use crate::topology::NR_RINGS;

pub struct InputProbe<'a> {
    skel: InputSkel<'a>,
    lanes: Rc<Lanes>,
    /// Of each CPU.
    ring: Vec<u8>,
}

impl<'a> InputProbe<'a> {
    /// Loads and attaches; the scheduler's map holds the stamps.
    pub fn attach(
        cli: &Cli,
        scheduler: &Scheduler<'_>,
        object: &'a mut MaybeUninit<OpenObject>,
    ) -> Result<Self> {
        let map = scheduler.topology();
        caps::input_probe().map_err(Error::msg)?;
        let options = libbpf::options(&cli.libbpf)?;
        let opened = libbpf::open(InputSkelBuilder::default(), options, object);
        let mut open = opened.context("opening")?;
        open.progs.scx_lib_init_probe.set_autoload(false);
        open.maps
            .bss_cpus
            .reuse_fd(scheduler.cpus_map().as_fd())
            .context("sharing the CPU contexts")?;
        let rodata = open.maps.rodata_data.as_mut().context("no .rodata")?;
        rodata.cpu_ring.copy_from_slice(&map.ring);
        #[cfg(feature = "sabotage")]
        {
            rodata.sabotage = scheduler.sabotage();
        }
        open.maps
            .lanes
            .set_max_entries(map.nr_cpu_ids as u32)
            .context("sizing the lanes")?;
        let mut skel = open.load().context("loading")?;
        skel.attach().context("attaching")?;
        let lanes = Rc::new(Lanes::map(skel.maps.lanes.as_fd(), map.nr_cpu_ids)?);
        Ok(InputProbe {
            skel,
            lanes,
            ring: map.ring[..map.nr_cpu_ids].to_vec(),
        })
    }

    /// The 16 rings, by number.
    pub fn rings(&self) -> [&dyn MapCore; NR_RINGS] {
        let m = &self.skel.maps;
        [
            &m.ring_0, &m.ring_1, &m.ring_2, &m.ring_3, &m.ring_4, &m.ring_5, &m.ring_6, &m.ring_7,
            &m.ring_8, &m.ring_9, &m.ring_10, &m.ring_11, &m.ring_12, &m.ring_13, &m.ring_14,
            &m.ring_15,
        ]
    }

    /// The lanes, by CPU.
    pub fn lanes(&self) -> Rc<Lanes> {
        Rc::clone(&self.lanes)
    }

    /// Adds what the lanes hold to a sample, and what the drain has read of it.
    pub fn fill(&self, sample: &mut Sample, read: &Totals) {
        sample.rings = vec![Ring::default(); NR_RINGS];
        let mut reports = [0; DEVICE_CLASSES.len()];
        for ((lane, cursor), ring) in self.lanes.iter().zip(&read.cursors).zip(&self.ring) {
            let ring = &mut sample.rings[usize::from(*ring)];
            ring.events += lane.head();
            ring.drops += cursor.lost;
            ring.read += cursor.read;
            for (class, sum) in reports.iter_mut().enumerate() {
                *sum += lane.reports(class);
            }
        }
        for (class, reports) in DEVICE_CLASSES.iter().zip(reports) {
            sample
                .input
                .insert((*class).to_string(), Reports { reports });
        }
    }
}
