// SPDX-License-Identifier: GPL-2.0-only
//! What is known of each CPU: from scx_utils' `Topology`, and from two more files that
//! it does not read. Both look below `SCX_SYSFS_PREFIX` if that is set; so the tests
//! show them recorded machines.

use anyhow::{Context, Result};
use scx_utils::Topology;
use scx_utils::compat::ROOT_PREFIX;

use super::{Place, list};

/// The cores that Intel calls performance cores; absent where all are of one kind.
const PERFORMANCE: &str = "/sys/devices/cpu_core/cpus";
const KB_A_MB: u64 = 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpu {
    pub place: Place,
    /// Of the cache that it shares; 0: it has none, or nothing is known.
    pub l3_kb: u64,
    /// The firmware's or the frequency driver's, 1024 for the best; not a speed.
    pub rank: usize,
    /// 0: no frequency driver.
    pub max_khz: usize,
    /// Named a performance core, where there are two kinds.
    pub performance: bool,
}

/// The CPUs that are online, and whether cores have two threads.
pub fn detect() -> Result<(Vec<Cpu>, bool)> {
    let topo = Topology::new().context("reading the CPU topology from /sys")?;
    let performance = read(PERFORMANCE).and_then(|text| list::parse(&text).ok());
    let performance = performance.unwrap_or_default();
    let cpu = |c: &scx_utils::Cpu| Cpu {
        place: Place {
            llc: c.llc_id,
            core: c.core_id,
            cpu: c.id,
        },
        l3_kb: l3_kb(c.id),
        rank: c.cpu_capacity,
        max_khz: c.max_freq,
        performance: performance.contains(&c.id),
    };
    let cpus = topo.all_cpus.values().map(|c| cpu(c)).collect();
    Ok((cpus, topo.smt_enabled))
}

/// The greatest number of a CPU that is online, and one. scx_utils counts once, at the start: a CPU that is plugged in
/// later would have no queue, and the first task bound to it would end the scheduler.
pub fn numbers_online() -> usize {
    let online = read("/sys/devices/system/cpu/online").and_then(|text| list::parse(&text).ok());
    online
        .and_then(|cpus| cpus.last().map(|last| last + 1))
        .unwrap_or(0)
}

/// The size of the third cache, which the kernel writes as `32768K`.
fn l3_kb(cpu: usize) -> u64 {
    let text = read(&format!(
        "/sys/devices/system/cpu/cpu{cpu}/cache/index3/size"
    ));
    let text = text.unwrap_or_default();
    let (number, scale) = match text.strip_suffix('M') {
        Some(number) => (number, KB_A_MB),
        None => (text.trim_end_matches('K'), 1),
    };
    number.parse().map_or(0, |n: u64| n * scale)
}

fn read(path: &str) -> Option<String> {
    let text = std::fs::read_to_string(format!("{}{path}", *ROOT_PREFIX)).ok()?;
    Some(text.trim().to_string())
}
