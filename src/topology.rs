// SPDX-License-Identifier: GPL-2.0-only
//! The machine as the kernel part wants it: which LLC a CPU belongs to, in which
//! order the CPUs of an LLC are tried, and which ring a CPU reports to.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use scx_utils::Topology;

use crate::bpf::intf;
use crate::failure::Failure;

pub const MAX_CPUS: usize = intf::consts_MAX_CPUS as usize;
pub const MAX_LLCS: usize = intf::consts_MAX_LLCS as usize;
pub const NR_RINGS: usize = intf::consts_NR_RINGS as usize;

/// Tables indexed by CPU id; ids without a CPU have entries nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuMap {
    pub nr_cpus: usize,
    pub nr_llcs: usize,
    pub smt: bool,
    pub llc: Vec<u8>,
    pub ring: Vec<u8>,
    pub next_in_llc: Vec<u16>,
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
    pub fn detect() -> Result<Self> {
        let topo = Topology::new().context("reading the CPU topology from /sys")?;
        let places: Vec<Place> = topo
            .all_cpus
            .values()
            .map(|c| Place {
                llc: c.llc_id,
                core: c.core_id,
                cpu: c.id,
            })
            .collect();
        Self::new(&places, *scx_utils::NR_CPU_IDS, topo.smt_enabled)
    }

    /// Builds the tables from the places of all CPUs.
    pub fn new(places: &[Place], nr_cpu_ids: usize, smt: bool) -> Result<Self> {
        let mut llcs: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
        for p in places {
            llcs.entry(p.llc).or_default().push(*p);
        }
        if nr_cpu_ids > MAX_CPUS || llcs.len() > MAX_LLCS {
            let why = format!(
                "this machine has {nr_cpu_ids} CPUs in {} LLCs; scx_photon handles {MAX_CPUS} in {MAX_LLCS}",
                llcs.len()
            );
            return Err(Failure::TooBig(why).into());
        }
        let mut map = CpuMap {
            nr_cpus: nr_cpu_ids,
            nr_llcs: llcs.len().max(1),
            smt,
            llc: vec![0; MAX_CPUS],
            ring: vec![0; MAX_CPUS],
            next_in_llc: (0..MAX_CPUS).map(|c| c as u16).collect(),
        };
        for (index, cpus) in llcs.values_mut().enumerate() {
            map.add_llc(index, cpus);
        }
        map.spread_rings(places);
        Ok(map)
    }

    /// The CPUs of an LLC as a circle that visits each core once before it comes
    /// back for the siblings.
    fn add_llc(&mut self, index: usize, cpus: &mut [Place]) {
        cpus.sort_by_key(|p| (p.core, p.cpu));
        let mut rank = BTreeMap::new();
        let mut order: Vec<(usize, Place)> = cpus
            .iter()
            .map(|p| {
                let nth = rank.entry(p.core).or_insert(0);
                *nth += 1;
                (*nth, *p)
            })
            .collect();
        order.sort_by_key(|(nth, p)| (*nth, p.core, p.cpu));
        for (i, (_, p)) in order.iter().enumerate() {
            let next = order[(i + 1) % order.len()].1;
            self.llc[p.cpu] = index as u8;
            self.next_in_llc[p.cpu] = next.cpu as u16;
        }
    }

    /// Contiguous groups in the order LLC, core, sibling: who shares a cache
    /// shares a ring before strangers do.
    fn spread_rings(&mut self, places: &[Place]) {
        let mut order = places.to_vec();
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

    /// For the start line: `8 CPUs, 2 LLCs, SMT`.
    pub fn describe(&self) -> String {
        let smt = if self.smt { ", SMT" } else { "" };
        format!("{} CPUs, {} LLCs{smt}", self.nr_cpus, self.nr_llcs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(llcs: usize, cores: usize, threads: usize) -> Vec<Place> {
        let mut all = Vec::new();
        for llc in 0..llcs {
            for core in 0..cores {
                for thread in 0..threads {
                    let core = llc * cores + core;
                    // Siblings are n and n + N/2, as on AMD desktops.
                    let cpu = core + thread * llcs * cores;
                    all.push(Place { llc, core, cpu });
                }
            }
        }
        all
    }

    #[test]
    fn circle_visits_every_cpu_of_its_llc_once() {
        let places = machine(2, 4, 2);
        let map = CpuMap::new(&places, 16, true).expect("fits");
        for p in &places {
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

    #[test]
    fn circle_takes_cores_before_siblings() {
        let map = CpuMap::new(&machine(1, 4, 2), 8, true).expect("fits");
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
        let small = CpuMap::new(&machine(1, 4, 1), 4, false).expect("fits");
        assert_eq!(small.ring[..4], [0, 1, 2, 3]);
        let places = machine(4, 8, 2);
        let big = CpuMap::new(&places, 64, true).expect("fits");
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

    #[test]
    fn too_many_cpus_are_refused() {
        assert!(CpuMap::new(&machine(1, 1, 1), MAX_CPUS + 1, false).is_err());
        assert!(CpuMap::new(&machine(MAX_LLCS + 1, 1, 1), 128, false).is_err());
    }
}
