// SPDX-License-Identifier: GPL-2.0-only
//! Opens, loads and attaches the scheduler, and reads its memory. All handling
//! of the scheduler's skeleton is here.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::ptr::{addr_of, read_volatile};

use anyhow::{Context, Result};
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{Link, MapCore, MapFlags, OpenObject, ProgramInput};
use scx_utils::{compat, import_enums, uei_set_size};

use crate::bpf::intf;
use crate::bpf::sched::*;
use crate::caps;
use crate::cli::Cli;
use crate::ejection::Exit;
use crate::failure::Failure;
use crate::libbpf;
use crate::model::{Delay, Layout, Sample};
use crate::refusal;
use crate::snapshot::{self, Snapshot};
use crate::tables::{COUNTERS, TUNABLES, Values};
use crate::topology::CpuMap;
use crate::view::{CLASSES, Cpu};

const HOTPLUG_SEQ: &str = "/sys/kernel/sched_ext/hotplug_seq";
/// How often the kernel has enabled a scheduler.
const ENABLE_SEQ: &str = "/sys/kernel/sched_ext/enable_seq";
const NS_PER_US: u64 = 1000;

/// BPF_LOG_STATS of include/linux/bpf_verifier.h: how many instructions the
/// verifier went through, and nothing else.
const VERIFIER_STATS: u32 = 4;

/// The scheduler, loaded; attached while `link` is there.
pub struct Scheduler<'a> {
    skel: MainSkel<'a>,
    link: RefCell<Option<Link>>,
    map: CpuMap,
    layout: Layout,
}

impl<'a> Scheduler<'a> {
    /// Loads the scheduler for this machine; attaches nothing.
    pub fn load(cli: &Cli, object: &'a mut MaybeUninit<OpenObject>) -> Result<Self> {
        // Read before the CPUs are looked at, or one that comes in between is missed.
        let seq = number_in(HOTPLUG_SEQ)?;
        let map = CpuMap::detect(&cli.prefer_cpus)?;
        let mut open = open(cli, object)?;
        fill_rodata(&mut open, cli, &map)?;
        set_ops(&mut open, cli, seq);
        uei_set_size!(open, photon_ops, uei);
        let skel = open
            .load()
            .map_err(|e| Failure::Load(refusal::of_load(&e)))?;
        let mut this = Scheduler {
            skel,
            link: RefCell::new(None),
            map,
            layout: Layout::default(),
        };
        this.read_layout()?;
        Ok(this)
    }

    /// Hands every task of the machine to the scheduler. False if the kernel asks for another try, because a CPU came or
    /// went since it was loaded.
    pub fn attach(&mut self) -> Result<bool> {
        let before = number_in(ENABLE_SEQ).ok();
        let link = self.skel.maps.photon_ops.attach_struct_ops();
        let refused = |e| Failure::Load(format!("attaching: {e}"));
        // It may have come since we have looked.
        let failure = |e| caps::attached_scheduler().map_or(refused(e), Failure::Busy);
        self.link.replace(Some(link.map_err(failure)?));
        // From 6.13 on the kernel makes a link of one whose `init` has failed, too, and ends it.
        if !self.exited() || number_in(ENABLE_SEQ).ok() != before {
            return Ok(true);
        }
        let exit = self.exit();
        match exit.restart {
            true => Ok(false),
            false => Err(Failure::Load(format!("attaching: {}", exit.text())).into()),
        }
    }

    /// Gives every task back. The kernel switches them before this returns.
    pub fn detach(&self) {
        drop(self.link.take());
    }

    /// Has the kernel ended the scheduler?
    pub fn exited(&self) -> bool {
        let Some(data) = self.skel.maps.data_data.as_ref() else {
            return false;
        };
        // SAFETY: the field lies in the mapped section; the kernel writes it, so
        // the read must not be cached.
        unsafe { read_volatile(addr_of!(data.uei.kind)) != 0 }
    }

    /// Why it ended. Not by scx_utils, which panics at a name that is no UTF-8, and
    /// anybody may give his thread such a name.
    pub fn exit(&self) -> Exit {
        let Some(data) = self.skel.maps.data_data.as_ref() else {
            return Exit::default();
        };
        Exit {
            kind: data.uei.kind,
            restart: data.uei.exit_code & *scx_utils::SCX_ECODE_ACT_RESTART as i64 != 0,
            reason: c_text(&data.uei.reason),
            msg: c_text(&data.uei.msg),
            dump: self.dump(),
        }
    }

    /// The kernel's account of every CPU and waiting task.
    fn dump(&self) -> String {
        let map = &self.skel.maps.data_uei_dump;
        let bytes = map.lookup(&0u32.to_ne_bytes(), libbpf_rs::MapFlags::ANY);
        let bytes = bytes.ok().flatten().unwrap_or_default();
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    /// What is broken on purpose, for the probes to break too.
    #[cfg(feature = "sabotage")]
    pub fn sabotage(&self) -> u32 {
        let rodata = self.skel.maps.rodata_data.as_ref();
        rodata.map_or(intf::sabotage_SABOTAGE_NONE, |rodata| rodata.sabotage)
    }

    /// The map that the probes write their stamps to.
    pub fn cpus_map(&self) -> &impl MapCore {
        &self.skel.maps.bss_cpus
    }

    /// The map of the tasks' contexts.
    pub fn tasks_map(&self) -> &impl MapCore {
        &self.skel.maps.bss_tasks
    }

    /// The map of what the scheduler's clock is ahead of others.
    pub fn clock_map(&self) -> &impl MapCore {
        &self.skel.maps.bss_clock
    }

    /// The ring that wakes the daemon when the scheduler ends.
    pub fn exits_map(&self) -> &dyn MapCore {
        &self.skel.maps.exits
    }

    /// The ring of the records for `why`.
    pub fn why_map(&self) -> &dyn libbpf_rs::MapCore {
        &self.skel.maps.why_ring
    }

    /// Names the process whose turns are all recorded.
    pub fn watch(&self, tgid: u32) -> Result<()> {
        let (key, value) = (0u32.to_ne_bytes(), tgid.to_ne_bytes());
        let map = &self.skel.maps.bss_watch;
        map.update(&key, &value, MapFlags::ANY)
            .context("naming the watched process")
    }

    /// Where the kernel part reads who plays.
    pub fn game_map(&self) -> &dyn MapCore {
        &self.skel.maps.bss_game
    }

    /// Where it reads the tunables.
    pub fn tunables_map(&self) -> &dyn MapCore {
        &self.skel.maps.data_tun
    }

    /// What every CPU that is online runs now, by number.
    pub fn cpus(&self) -> Vec<Cpu> {
        let maps = &self.skel.maps;
        let (Some(cpus), Some(shared)) = (&maps.bss_cpus_data, &maps.bss_shared_data) else {
            return Vec::new();
        };
        // SAFETY: copies of mapped memory that the kernel writes; a mixed view is
        // a wrong line on a screen, once.
        let (idle, summed) = unsafe {
            let idle = read_volatile(addr_of!(shared.shared.idle));
            (idle, read_volatile(addr_of!(shared.shared.snap.at)))
        };
        // The scheduler's clock is not ours: its latest moment that we know of.
        // SAFETY: as above.
        let started = |c: &types::cpu_ctx| unsafe { read_volatile(&c.started) };
        let online = self.map.online();
        let latest = online.iter().map(|cpu| started(&cpus.cpus[*cpu])).max();
        let now = latest.unwrap_or(0).max(summed);
        let read = |cpu: usize| {
            // SAFETY: as above.
            let c: types::cpu_ctx = unsafe { read_volatile(&cpus.cpus[cpu]) };
            Cpu {
                cpu,
                class: CLASSES
                    .get(usize::from(c.class))
                    .unwrap_or(&"-")
                    .to_string(),
                ran_us: now.saturating_sub(c.started) / NS_PER_US,
                due_us: (c.deadline as i64).wrapping_sub(now as i64) / NS_PER_US as i64,
                idle: idle[cpu / u64::BITS as usize] >> (cpu % u64::BITS as usize) & 1 == 1,
            }
        };
        online.into_iter().map(read).collect()
    }

    pub fn topology(&self) -> &CpuMap {
        &self.map
    }

    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Has a chain reached this process again and again, in the last seconds?
    pub fn faces(&self, pid: u32) -> bool {
        let Some(data) = self.skel.maps.bss_processes_data.as_ref() else {
            return false;
        };
        let entry = &data.processes[pid as usize & (data.processes.len() - 1)];
        // SAFETY: a plain copy of mapped memory that the kernel writes; a torn one
        // is a verdict that is late by one look.
        let entry = unsafe { read_volatile(entry) };
        // Of the scheduler's clock we know only when it summed its counters.
        let now = self
            .snapshot()
            .map_or(0, |snap| snap.at_ns >> intf::COARSE_SHIFT) as u32;
        entry.tgid == pid
            && entry.faces >= intf::FACES_LEAST
            // As lies_ahead() in policy/base.h.
            && entry.facing_until.wrapping_sub(now).wrapping_sub(1) < intf::COARSE_AHEAD_MAX
    }

    fn read_layout(&mut self) -> Result<()> {
        self.skel
            .progs
            .photon_layout
            .test_run(ProgramInput::default())
            .context("reading the addresses of the contexts")?;
        let bss = self.skel.maps.bss_data.as_ref().context("no .bss")?;
        self.layout = Layout {
            task_ctx_mod64: bss.task_ctx_mod64,
            cpu_ctx_mod64: bss.cpu_ctx_mod64,
        };
        Ok(())
    }

    fn snapshot(&self) -> Result<Snapshot> {
        let data = self.skel.maps.bss_shared_data.as_ref();
        let snap = addr_of!(data.context("no .bss.shared")?.shared.snap);
        // SAFETY: the mapped section, which lives as long as the skeleton; its
        // type here and there is made from the same struct.
        unsafe { snapshot::read(snap.cast()) }
    }

    /// Counters and delays as they are now, by the scheduler's clock.
    pub fn sample(&self) -> Result<Sample> {
        let snap = self.snapshot()?;
        let counters = COUNTERS
            .iter()
            .zip(snap.sums)
            .map(|(c, v)| (c.name.to_string(), v))
            .collect();
        Ok(Sample {
            at_ns: snap.at_ns,
            counters,
            input_delay_us: self.delays()?,
            layout: self.layout.clone(),
            ..Sample::default()
        })
    }

    fn delays(&self) -> Result<Delay> {
        let data = self
            .skel
            .maps
            .bss_delays_data
            .as_ref()
            .context("no .bss.delays")?;
        let mut sum = vec![0u64; intf::HIST_BUCKETS as usize];
        let mut max = 0;
        for cpu in data.delays.iter().take(self.map.nr_cpu_ids) {
            // SAFETY: a plain copy of mapped memory; each word is written by one
            // CPU, and a word torn in time is a count that is one too low.
            let cpu = unsafe { read_volatile(cpu) };
            for (s, n) in sum.iter_mut().zip(cpu.bucket) {
                *s += u64::from(n);
            }
            max = max.max(cpu.max);
        }
        Ok(Delay::from_buckets(&sum, max))
    }
}

fn open<'a>(cli: &Cli, object: &'a mut MaybeUninit<OpenObject>) -> Result<OpenMainSkel<'a>> {
    let options = libbpf::options(&cli.libbpf)?;
    let opened = libbpf::open(MainSkelBuilder::default(), options, object);
    let mut open = opened.map_err(|e| Failure::Load(format!("opening: {e}")))?;
    // It needs CONFIG_FUNCTION_TRACER, for is_migration_disabled(); ours is is_stuck().
    open.progs.scx_lib_init_probe.set_autoload(false);
    if cli.verbose > 1 {
        for mut prog in open.open_object_mut().progs_mut() {
            prog.set_log_level(VERIFIER_STATS);
        }
    }
    Ok(open)
}

fn fill_rodata(open: &mut OpenMainSkel<'_>, cli: &Cli, map: &CpuMap) -> Result<()> {
    import_enums!(open);
    let rodata = open.maps.rodata_data.as_mut().context("no .rodata")?;
    rodata.nr_cpus = map.nr_cpu_ids as u32;
    rodata.nr_llcs = map.nr_llcs as u32;
    rodata.nr_online = map.order.len() as u32;
    rodata.cpu_llc.copy_from_slice(&map.llc);
    rodata.llc_cpus.copy_from_slice(&map.llc_cpus());
    rodata.next_in_llc.copy_from_slice(&map.next_in_llc);
    rodata.next_llc.copy_from_slice(&map.next_llc);
    rodata.sibling.copy_from_slice(&map.sibling);
    rodata.governed = caps::schedutil();
    if let Some(preferred) = &map.preferred {
        rodata.asymmetric = true;
        rodata.prefer_whole_cores = preferred.whole_cores;
        for cpu in &preferred.cpus {
            rodata.preferred[cpu / u64::BITS as usize] |= 1 << (cpu % u64::BITS as usize);
        }
        let before = map.before_preferred();
        rodata.before_preferred.copy_from_slice(&before);
    }
    let tun = open.maps.data_tun_data.as_mut().context("no .data.tun")?;
    write_tunables(&mut tun.tun, &cli.tunables);
    #[cfg(feature = "sabotage")]
    let rodata = open.maps.rodata_data.as_mut().context("no .rodata")?;
    #[cfg(feature = "sabotage")]
    if let Some(fault) = cli.sabotage {
        rodata.sabotage = fault.id();
    }
    Ok(())
}

/// `struct tunables` is one u64 per line of the list, in its order.
fn write_tunables(tun: &mut types::tunables, values: &Values) {
    const {
        assert!(size_of::<types::tunables>() == size_of::<u64>() * TUNABLES.len());
    }
    // SAFETY: the struct is repr(C), all of its fields are u64, and its size is
    // that of the array (asserted above).
    let slots: &mut [u64; TUNABLES.len()] = unsafe { &mut *std::ptr::from_mut(tun).cast() };
    slots.copy_from_slice(&values.0);
}

fn set_ops(open: &mut OpenMainSkel<'_>, cli: &Cli, hotplug_seq: u64) {
    // From 7.1 on the heartbeat does this, and the kernel warns of cpu_release.
    let generic_rescue = compat::ksym_exists("scx_bpf_dsq_reenq").unwrap_or(false);
    let ops = open.struct_ops.photon_ops_mut();
    // Also what exits and what cannot migrate: each would run for 20 ms first, and two of the latter for ever.
    let queued = *compat::SCX_OPS_ENQ_EXITING | *compat::SCX_OPS_ENQ_MIGRATION_DISABLED;
    ops.flags = *compat::SCX_OPS_KEEP_BUILTIN_IDLE | queued;
    ops.exit_dump_len = cli.exit_dump_len;
    ops.hotplug_seq = hotplug_seq;
    if generic_rescue {
        ops.cpu_release = std::ptr::null_mut();
        open.progs.photon_cpu_release.set_autoload(false);
    } else if compat::ksym_exists("scx_bpf_dsq_move").unwrap_or(false) {
        // Not on 6.12, whose first ones would let no task go on by its slice alone then.
        ops.flags |= *compat::SCX_OPS_ENQ_LAST;
    }
    append_version(&mut open.struct_ops.photon_ops_mut().name);
}

/// The attach fails if a CPU came or went since this was read.
fn number_in(file: &str) -> Result<u64> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {file}"))?;
    let number = text.trim().parse();
    number.with_context(|| format!("{file} holds {text:?}"))
}

/// `photon` becomes `photon_0.1.0_...`, as users report it from sysfs.
fn append_version(name: &mut [std::ffi::c_char]) {
    let suffix = scx_utils::build_id::ops_version_suffix(env!("CARGO_PKG_VERSION"));
    let start = name.iter().position(|c| *c == 0).unwrap_or(name.len());
    let room = name.len().saturating_sub(start + 1);
    for (slot, byte) in name[start..].iter_mut().zip(suffix.bytes().take(room)) {
        *slot = byte as std::ffi::c_char;
    }
}

fn c_text(chars: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> = chars
        .iter()
        .take_while(|c| **c != 0)
        .map(|c| *c as u8)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
