// SPDX-License-Identifier: GPL-2.0-only
//! What the log says when the scheduler has been attached.

use anyhow::Result;
use log::{debug, info};

use crate::caps;
use crate::display::DisplayProbe;
use crate::loader::Scheduler;
use crate::tables::Values;

/// One line, one more on a machine whose CPUs are not alike, and one where their governor asks the scheduler. The
/// tunables are those in force, not those it was started with: it attaches again after hotplug.
pub fn start(
    scheduler: &Scheduler<'_>,
    tunables: &Values,
    probe: bool,
    display: Option<&DisplayProbe<'_>>,
) -> Result<()> {
    let mut missing = caps::detect();
    missing.retain(|c| !c.present);
    for c in &missing {
        debug!("{} missing: {}", c.name, c.without);
    }
    let missing: Vec<&str> = missing.iter().map(|c| c.name).collect();
    let changed = tunables.changed();
    debug!("tunables: {}", tunables.all().join(" "));
    info!(
        "{} attached on Linux {}: {}; input probe {}; display probe {}; missing: {}; tunables: {}",
        scx_utils::build_id::full_version(env!("CARGO_PKG_VERSION")),
        caps::kernel_release()?,
        scheduler.topology().describe(),
        if probe { "on" } else { "off" },
        display.map_or("off", DisplayProbe::describe),
        if missing.is_empty() {
            "nothing".into()
        } else {
            missing.join(", ")
        },
        if changed.is_empty() {
            "defaults".into()
        } else {
            changed.join(" ")
        },
    );
    if let Some(order) = scheduler.topology().describe_order() {
        info!("{order}");
    }
    // Most machines have another governor, which is nothing that anybody lacks.
    if caps::schedutil() {
        info!("schedutil is told how fast a CPU shall be");
    }
    Ok(())
}
