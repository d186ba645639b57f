// SPDX-License-Identifier: GPL-2.0-only
//! The machine as the kernel part wants it: which LLC a CPU belongs to, in which
//! order the CPUs are tried and which of them first, and which ring a CPU reports to.

pub mod list;
mod machine;
pub mod prefer;

use std::collections::BTreeMap;

use anyhow::Result;
use log::warn;

use crate::bpf::intf;
use crate::failure::Failure;
use machine::Cpu;
use prefer::{PreferCpus, Preferred};

pub const MAX_CPUS: usize = intf::consts_MAX_CPUS as usize;
pub const MAX_LLCS: usize = intf::consts_MAX_LLCS as usize;
pub const NR_RINGS: usize = intf::consts_NR_RINGS as usize;

/// Tables indexed by CPU id; ids without a CPU have entries nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuMap {
    /// The greatest number of a CPU and one: what tables are as long as. Those that are offline have one, too.
    pub nr_cpu_ids: usize,
    pub nr_llcs: usize,
    pub smt: bool,
    pub llc: Vec<u8>,
    pub ring: Vec<u8>,
    pub next_in_llc: Vec<u16>,
    /// The CPU at the same place of the next LLC; the CPU itself if there is no other.
    pub next_llc: Vec<u16>,
    /// The next thread of its core; the CPU itself if it is alone there.
    pub sibling: Vec<u16>,
    /// The CPUs that are online, the one to be tried first in front.
    pub order: Vec<usize>,
    /// Where the CPUs are not alike.
    pub preferred: Option<Preferred>,
}

/// A CPU's place in the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub llc: usize,
    pub core: usize,
    pub cpu: usize,
}

impl CpuMap {
    /// Reads the running machine.
    pub fn detect(wanted: &PreferCpus) -> Result<Self> {
        let (cpus, smt) = machine::detect()?;
        let known = *scx_utils::NR_CPU_IDS;
        let numbers = known.max(machine::numbers_online());
        if numbers > known {
            warn!(
                "CPU {} was added to the machine: it is used, but belongs to no cache until scx_photon starts again",
                numbers - 1
            );
        }
        Self::new(&cpus, wanted, numbers, smt)
    }

    /// Builds the tables from what is known of all CPUs.
    fn new(cpus: &[Cpu], wanted: &PreferCpus, nr_cpu_ids: usize, smt: bool) -> Result<Self> {
        let preferred = Preferred::choose(cpus, wanted);
        let order = prefer::order(cpus, preferred.as_ref());
        let llc_of: BTreeMap<usize, usize> =
            cpus.iter().map(|c| (c.place.cpu, c.place.llc)).collect();
        let mut llcs: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for cpu in &order {
            llcs.entry(llc_of[cpu]).or_default().push(*cpu);
        }
        if nr_cpu_ids > MAX_CPUS || llcs.len() > MAX_LLCS {
            let why = format!(
                "this machine has numbers for {nr_cpu_ids} CPUs, and {} LLCs; scx_photon handles {MAX_CPUS} in {MAX_LLCS}",
                llcs.len()
            );
            return Err(Failure::TooBig(why).into());
        }
        let mut map = CpuMap {
            nr_cpu_ids,
            nr_llcs: llcs.len().max(1),
            smt,
            llc: vec![0; MAX_CPUS],
            ring: vec![0; MAX_CPUS],
            next_in_llc: (0..MAX_CPUS).map(|c| c as u16).collect(),
            next_llc: (0..MAX_CPUS).map(|c| c as u16).collect(),
            sibling: (0..MAX_CPUS).map(|c| c as u16).collect(),
            order,
            preferred,
        };
        for (index, cpus) in llcs.values().enumerate() {
            map.add_llc(index, cpus);
        }
        for (cpus, next) in llcs.values().zip(llcs.values().cycle().skip(1)) {
            map.lead_on(cpus, next);
        }
        map.pair_siblings(cpus);
        map.spread_rings(cpus.iter().map(|c| c.place).collect());
        Ok(map)
    }

    fn pair_siblings(&mut self, cpus: &[Cpu]) {
        let mut cores: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
        for Place { llc, core, cpu } in cpus.iter().map(|c| c.place) {
            cores.entry((llc, core)).or_default().push(cpu);
        }
        for threads in cores.values() {
            for (cpu, next) in threads.iter().zip(threads.iter().cycle().skip(1)) {
                self.sibling[*cpu] = *next as u16;
            }
        }
    }

    /// The CPUs of an LLC, in order, as a circle: it visits each core once before it
    /// comes back for the siblings.
    fn add_llc(&mut self, index: usize, cpus: &[usize]) {
        for (cpu, next) in cpus.iter().zip(cpus.iter().cycle().skip(1)) {
            self.llc[*cpu] = index as u8;
            self.next_in_llc[*cpu] = *next as u16;
        }
    }

    /// From each CPU of an LLC one of the next: not the same one for all of them.
    fn lead_on(&mut self, cpus: &[usize], next: &[usize]) {
        for (cpu, there) in cpus.iter().zip(next.iter().cycle()) {
            self.next_llc[*cpu] = *there as u16;
        }
    }

    /// By LLC: the CPU after which its circle comes to the preferred ones, or to its
    /// first if it has none: the last of the order.
    pub fn before_preferred(&self) -> Vec<u16> {
        let mut last = vec![0; MAX_LLCS];
        for cpu in &self.order {
            last[usize::from(self.llc[*cpu])] = *cpu as u16;
        }
        last
    }

    /// By LLC: how many CPUs are online.
    pub fn llc_cpus(&self) -> Vec<u16> {
        let mut count = vec![0; MAX_LLCS];
        for cpu in &self.order {
            count[usize::from(self.llc[*cpu])] += 1;
        }
        count
    }

    /// The CPUs that are online, by number. Until the next hotplug, which loads the scheduler anew.
    pub fn online(&self) -> Vec<usize> {
        let mut online = self.order.clone();
        online.sort_unstable();
        online
    }

    /// A list that was typed names CPUs that are there. One of the file may be of before SMT was switched off: then those
    /// that are there count.
    pub fn look_for_absent(&self, wanted: &PreferCpus, typed: bool) -> Result<()> {
        let PreferCpus::List(wanted) = wanted else {
            return Ok(());
        };
        let absent = wanted.iter().filter(|c| !self.order.contains(c));
        let absent: Vec<usize> = absent.copied().collect();
        if absent.is_empty() {
            return Ok(());
        }
        let why = format!(
            "{}: CPUs {} are not online; online are {}",
            list::show(wanted),
            list::show(&absent),
            list::show(&self.online())
        );
        if typed {
            return Err(Failure::Usage(format!("--prefer-cpus {why}")).into());
        }
        warn!("prefer_cpus of the configuration, {why}");
        Ok(())
    }

    /// Contiguous groups in the order LLC, core, sibling: who shares a cache
    /// shares a ring before strangers do.
    fn spread_rings(&mut self, mut order: Vec<Place>) {
        order.sort();
        let total = order.len().max(1);
        for (i, p) in order.iter().enumerate() {
            let ring = if total <= NR_RINGS {
                i
            } else {
                i * NR_RINGS / total
            };
            self.ring[p.cpu] = ring as u8;
        }
    }

    /// For the start line: `8 CPUs, 2 LLCs, SMT`. Those that are online.
    pub fn describe(&self) -> String {
        let smt = if self.smt { ", SMT" } else { "" };
        let caches = if self.nr_llcs == 1 { "LLC" } else { "LLCs" };
        format!("{} CPUs, {} {caches}{smt}", self.order.len(), self.nr_llcs)
    }

    /// Which CPUs frames try first, if that is not all of them.
    pub fn describe_order(&self) -> Option<String> {
        let preferred = self.preferred.as_ref()?;
        Some(preferred.describe(&self.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(cpus: &[Cpu], nr_cpu_ids: usize, smt: bool) -> Result<CpuMap> {
        CpuMap::new(cpus, &PreferCpus::Auto, nr_cpu_ids, smt)
    }

    fn machine(llcs: usize, cores: usize, threads: usize) -> Vec<Cpu> {
        let mut all = Vec::new();
        for llc in 0..llcs {
            for core in 0..cores {
                for thread in 0..threads {
                    let core = llc * cores + core;
                    // Siblings are n and n + N/2, as on AMD desktops.
                    let cpu = core + thread * llcs * cores;
                    all.push(Cpu {
                        place: Place { llc, core, cpu },
                        l3_kb: 32 * 1024,
                        rank: 1024,
                        max_khz: 0,
                        performance: false,
                    });
                }
            }
        }
        all
    }

    #[test]
    fn siblings_are_the_threads_of_one_core() {
        let map = new(&machine(2, 4, 2), 16, true).expect("fits");
        assert_eq!(
            map.sibling[..16],
            [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]
        );
        let map = new(&machine(1, 4, 1), 4, false).expect("fits");
        assert_eq!(map.sibling[..4], [0, 1, 2, 3]);
    }

    #[test]
    fn circle_visits_every_cpu_of_its_llc_once() {
        let cpus = machine(2, 4, 2);
        let map = new(&cpus, 16, true).expect("fits");
        for p in cpus.iter().map(|c| c.place) {
            let mut seen = vec![p.cpu];
            let mut cpu = map.next_in_llc[p.cpu] as usize;
            while cpu != p.cpu {
                assert_eq!(map.llc[cpu], map.llc[p.cpu]);
                seen.push(cpu);
                cpu = map.next_in_llc[cpu] as usize;
            }
            assert_eq!(seen.len(), 8);
        }
    }

    /// Every LLC is come to by those before it, and not all of its neighbour's CPUs lead to the same one.
    #[test]
    fn each_llc_leads_on_to_the_next() {
        let map = new(&machine(3, 2, 2), 12, true).expect("fits");
        for cpu in 0..12 {
            let there = usize::from(map.next_llc[cpu]);
            assert_eq!(map.llc[there], (map.llc[cpu] + 1) % 3);
            let back = usize::from(map.next_llc[usize::from(map.next_llc[there])]);
            assert_eq!(back, cpu);
        }
        let alone = new(&machine(1, 4, 1), 4, false).expect("fits");
        assert_eq!(alone.next_llc[..4], [0, 1, 2, 3]);
    }

    #[test]
    fn circle_takes_cores_before_siblings() {
        let map = new(&machine(1, 4, 2), 8, true).expect("fits");
        let walk: Vec<u16> = (0..8)
            .scan(0, |cpu, _| {
                let this = *cpu;
                *cpu = map.next_in_llc[this as usize];
                Some(this)
            })
            .collect();
        assert_eq!(walk, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn rings_follow_caches() {
        let small = new(&machine(1, 4, 1), 4, false).expect("fits");
        assert_eq!(small.ring[..4], [0, 1, 2, 3]);
        let cpus = machine(4, 8, 2);
        let big = new(&cpus, 64, true).expect("fits");
        let places: Vec<Place> = cpus.iter().map(|c| c.place).collect();
        assert!(places.iter().all(|p| (big.ring[p.cpu] as usize) < NR_RINGS));
        for a in &places {
            for b in &places {
                if a.core == b.core {
                    assert_eq!(big.ring[a.cpu], big.ring[b.cpu], "siblings share a ring");
                }
                if a.llc != b.llc {
                    assert_ne!(big.ring[a.cpu], big.ring[b.cpu], "LLCs do not");
                }
            }
        }
    }

    /// As with SMT switched off: the siblings keep their numbers.
    #[test]
    fn only_cpus_that_are_online_are_called_cpus() {
        let cpus: Vec<Cpu> = machine(1, 4, 1)
            .into_iter()
            .filter(|c| c.place.cpu != 1)
            .collect();
        let map = new(&cpus, 8, false).expect("fits");
        assert_eq!(map.nr_cpu_ids, 8);
        assert_eq!(map.online(), [0, 2, 3]);
        assert_eq!(map.describe(), "3 CPUs, 1 LLC");
    }

    #[test]
    fn too_many_cpus_are_refused() {
        assert!(new(&machine(1, 1, 1), MAX_CPUS + 1, false).is_err());
        assert!(new(&machine(MAX_LLCS + 1, 1, 1), 128, false).is_err());
    }

    #[test]
    fn walks_begin_before_the_preferred() {
        let wanted = PreferCpus::List(vec![2, 3]);
        let map = CpuMap::new(&machine(1, 4, 1), &wanted, 4, false).expect("fits");
        assert_eq!(map.order, [2, 3, 0, 1]);
        let from = usize::from(map.before_preferred()[0]);
        assert_eq!((from, map.next_in_llc[from]), (1, 2));
        assert_eq!(
            map.describe_order().as_deref(),
            Some("frame tasks try CPUs 2-3 first (--prefer-cpus), then 0-1")
        );
    }

    #[test]
    fn absent_cpus_are_refused() {
        let map = new(&machine(1, 4, 1), 4, false).expect("fits");
        let refuse = |list: &str| map.look_for_absent(&list.parse().expect("a list"), true);
        assert!(refuse("auto").is_ok() && refuse("0-3").is_ok());
        let error = refuse("3-5").expect_err("two of three");
        assert_eq!(
            error.to_string(),
            "--prefer-cpus 3-5: CPUs 4-5 are not online; online are 0-3"
        );
    }
}
