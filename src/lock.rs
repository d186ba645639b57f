// SPDX-License-Identifier: GPL-2.0-only
//! The lock probe: an object of its own, so that a kernel without `futex_wait()` in its BTF, or
//! without the function tracer, costs one log line.

use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use anyhow::{Context, Result, bail};
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{Link, OpenObject};

use crate::bpf::lock::*;
use crate::caps;
use crate::cli::Cli;
use crate::libbpf;
use crate::loader::Scheduler;

pub struct LockProbe {
    /// Detached when dropped; holds the program.
    _link: Link,
}

impl LockProbe {
    /// Loads and attaches, onto the scheduler's own maps.
    pub fn attach(
        cli: &Cli,
        scheduler: &Scheduler<'_>,
        object: &mut MaybeUninit<OpenObject>,
    ) -> Result<Self> {
        if !caps::lock_probe() {
            bail!("the kernel has no function tracer or no futex_wait() in its BTF");
        }
        let options = libbpf::options(&cli.libbpf)?;
        let opened = libbpf::open(LockSkelBuilder::default(), options, object);
        let mut open = opened.context("opening")?;
        open.progs.scx_lib_init_probe.set_autoload(false);
        open.maps
            .bss_cpus
            .reuse_fd(scheduler.cpus_map().as_fd())
            .context("sharing the CPU contexts")?;
        open.maps
            .data_tun
            .reuse_fd(scheduler.tunables_map().as_fd())
            .context("sharing the tunables")?;
        let skel = open.load().context("loading")?;
        let link = skel.progs.on_futex_wait.attach().context("attaching")?;
        Ok(LockProbe { _link: link })
    }
}
