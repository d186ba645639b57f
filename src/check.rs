// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon check`: can it run here, and what will be off. Loads the scheduler
//! to see the kernel accept it; attaches nothing.

use std::mem::MaybeUninit;

use anyhow::{Result, anyhow};
use serde::Serialize;

use crate::caps::{self, Capability};
use crate::cli::Cli;
use crate::latch;
use crate::loader::Scheduler;
use crate::model::Layout;
use crate::say;
use crate::topology::{CpuMap, list, prefer::Preferred};

#[derive(Serialize)]
struct Report {
    version: &'static str,
    kernel: String,
    topology: String,
    cpus: Option<Cpus>,
    capabilities: Vec<Capability>,
    layout: Option<Layout>,
    runs: bool,
    why_not: Option<String>,
}

/// In which order CPUs are tried.
#[derive(Serialize)]
struct Cpus {
    order: String,
    #[serde(flatten)]
    preferred: Option<Preferred>,
    /// The same for people.
    text: Option<String>,
}

impl Cpus {
    fn of(map: &CpuMap) -> Self {
        Cpus {
            order: list::show(&map.order),
            preferred: map.preferred.clone(),
            text: map.describe_order(),
        }
    }
}

/// Prints the report; true if the scheduler can run.
pub fn run(cli: &Cli) -> Result<bool> {
    let map = CpuMap::detect(&cli.prefer_cpus);
    let loaded = match &map {
        Ok(map) => try_load(cli, map),
        Err(e) => Err(anyhow!("{e:#}")),
    };
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        kernel: caps::kernel_release()?,
        cpus: map.as_ref().ok().map(Cpus::of),
        topology: map.map_or_else(|e| format!("{e:#}"), |m| m.describe()),
        capabilities: caps::detect(),
        runs: loaded.is_ok(),
        why_not: loaded.as_ref().err().map(|e| format!("{e:#}")),
        layout: loaded.ok(),
    };
    if cli.json {
        say::line(serde_json::to_string(&report)?)?;
    } else {
        print_text(&report)?;
    }
    Ok(report.runs)
}

fn try_load(cli: &Cli, map: &CpuMap) -> Result<Layout> {
    map.look_for_absent(&cli.prefer_cpus, cli.typed_prefer_cpus.is_some())?;
    if let Some(why) = caps::blocker().or_else(latch::blocker) {
        return Err(why.into());
    }
    let mut object = MaybeUninit::uninit();
    let scheduler = Scheduler::load(cli, &mut object)?;
    Ok(scheduler.layout().clone())
}

fn print_text(r: &Report) -> Result<()> {
    say::line(format_args!(
        "scx_photon {} on Linux {}, {}",
        r.version, r.kernel, r.topology
    ))?;
    if let Some(text) = r.cpus.as_ref().and_then(|c| c.text.as_ref()) {
        say::line(format_args!("  {text}"))?;
    }
    for c in &r.capabilities {
        if c.present {
            say::line(format_args!("  yes  {}", c.name))?;
        } else {
            say::line(format_args!("  no   {}: {}", c.name, c.without))?;
        }
    }
    if let Some(l) = &r.layout {
        say::line(format_args!(
            "  cache lines: task_ctx at {} mod 64, cpu_ctx at {} mod 64",
            l.task_ctx_mod64, l.cpu_ctx_mod64
        ))?;
    }
    match &r.why_not {
        None => say::line("It can run here."),
        Some(why) => say::line(format_args!("It cannot run here: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explained::explains_each_name;
    use crate::topology::prefer::PreferCpus;

    #[test]
    fn every_name_in_the_json_is_explained() {
        let map = CpuMap::detect(&PreferCpus::default());
        let report = Report {
            version: "",
            kernel: String::new(),
            topology: String::new(),
            cpus: map.as_ref().ok().map(Cpus::of),
            capabilities: caps::detect(),
            layout: Some(Layout::default()),
            runs: true,
            why_not: None,
        };
        let json = serde_json::to_value(report).expect("JSON");
        let of_cpus = serde_json::json!({"first": "", "whole_cores": true, "why": ""});
        let parts = [&json, &json["capabilities"][0], &json["layout"], &of_cpus];
        explains_each_name("check", &parts);
        if map.is_ok() {
            explains_each_name("check", &[&json["cpus"]]);
        }
    }
}
