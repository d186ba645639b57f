// SPDX-License-Identifier: GPL-2.0-only
//! A report goes to the ring of the CPU it arrives on. With at most 16 CPUs each has its own, in the order last-level
//! cache, core, thread; the order is found here again, from sysfs.

use crate::device::{Device, MOUSE};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_MS;
use serde_json::json;

const PERIOD_NS: u64 = NS_PER_MS;
const NR_RINGS: usize = 16;
/// Each CPU sends a number of its own.
const FIRST_CPU_REPORTS: u64 = 100;
const MORE_A_CPU: u64 = 10;

pub fn run(ctx: &Ctx) -> Outcome {
    let order = cpus_by_cache()?;
    if order.len() > NR_RINGS {
        return Err(Fail::skip("more CPUs than rings: groups are a unit test"));
    }
    let mouse = Device::new(&MOUSE)?;
    let photon = Photon::start(ctx, &STATS)?;
    let mut expected = vec![0; NR_RINGS];
    for (ring, cpu) in order.iter().enumerate() {
        expected[ring] = FIRST_CPU_REPORTS + MORE_A_CPU * *cpu as u64;
        mouse.play(*cpu, expected[ring], PERIOD_NS)?;
    }
    let found = Sample::settled(&photon)?.ring_events()?;
    photon.stop()?;
    if found != expected {
        return Err(Fail::failed(format!(
            "events by ring {found:?}, not {expected:?}; CPUs in order {order:?}"
        )));
    }
    Ok(json!({"cpus": order.len(), "rings": found}))
}

fn cpus_by_cache() -> Result<Vec<usize>, Fail> {
    let mut places = Vec::new();
    for cpu in 0.. {
        let dir = format!("/sys/devices/system/cpu/cpu{cpu}");
        if !std::path::Path::new(&dir).exists() {
            break;
        }
        let number = |file: &str| -> Option<u64> {
            let text = std::fs::read_to_string(format!("{dir}/{file}")).ok()?;
            text.trim().parse().ok()
        };
        let package = number("topology/physical_package_id").unwrap_or(0);
        let cache = number("cache/index3/id").unwrap_or(package);
        let core = number("topology/core_id").unwrap_or(0);
        places.push((cache, package, core, cpu));
    }
    places.sort_unstable();
    Ok(places.into_iter().map(|(.., cpu)| cpu).collect())
}
