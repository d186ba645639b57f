// SPDX-License-Identifier: GPL-2.0-only
//! On which CPUs a chain of frame work runs beside a light load: among the preferred ones if the flag says so or the machine
//! has two kinds of cores, and where it was if neither. The machine has cores of one kind; scx_photon is shown
//! a /sys in which it has two.

use crate::load::{Load, Worker, allow_all, bind, burn, pin};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_US;
use photon_bench::sys::sched::{NORMAL, Policy, cpus, set_policy};
use serde_json::json;
use std::io::{Read, Write, pipe};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

const PREFERRED: &str = "2-3";
const FIRST_PREFERRED: usize = 2;
/// Where /sys is looked for instead.
const TREE: &str = "/tmp/two-kinds";
const FRAMES: usize = 100;
const FRAME: Duration = Duration::from_millis(8);
const LINK_NS: u64 = 700 * NS_PER_US;
/// Frames after which the chain is put back where it began: a link that a kernel thread drove to another CPU stays there,
/// and would count for all the rest.
const PUT_BACK: usize = 10;
/// On a preferred CPU and nowhere else, or without the flag the chain would have to leave its CPUs, and would not come back.
const BUSY: usize = 3;
const LOAD: Worker = Worker {
    name: "light",
    policy: NORMAL,
    cpu: Some(BUSY),
    burst_ns: 500 * NS_PER_US,
    pause_ns: 4500 * NS_PER_US,
    period_ns: 0,
    yields: false,
};
/// Runs on preferred CPUs, percent: at least with, at most without.
const WITH: usize = 70;
const WITHOUT: usize = 40;

pub fn run(ctx: &Ctx) -> Outcome {
    // With more the chain may go to neither; with SMT half of it goes to other cores, as it should.
    if cpus() != FIRST_PREFERRED + 2 {
        return Err(Fail::skip("made for four CPUs without SMT"));
    }
    two_kinds()?;
    let list = share(ctx, &["--prefer-cpus", PREFERRED], false)?;
    let auto = share(ctx, &[], true)?;
    let none = share(ctx, &["--prefer-cpus", "none"], true)?;
    let metrics = json!({"percent_list": list, "percent_auto": auto, "percent_none": none});
    if list < WITH || auto < WITH || none > WITHOUT {
        return Err(Fail::failed(format!(
            "not {WITH} percent or more of the runs with, {WITHOUT} or less without: {metrics}"
        )));
    }
    Ok(metrics)
}

/// This machine, except that two of its CPUs are called performance cores.
fn two_kinds() -> Result<(), Fail> {
    let devices = Path::new(TREE).join("sys/devices");
    std::fs::create_dir_all(devices.join("cpu_core"))?;
    std::fs::write(devices.join("cpu_core/cpus"), format!("{PREFERRED}\n"))?;
    let system = devices.join("system");
    if !system.exists() {
        symlink("/sys/devices/system", system)?;
    }
    Ok(())
}

/// How many percent of the chain's runs were on preferred CPUs.
fn share(ctx: &Ctx, flags: &[&str], two_kinds: bool) -> Result<usize, Fail> {
    let photon = Photon::start_prepared(ctx, flags, |command| {
        if two_kinds {
            command.env("SCX_SYSFS_PREFIX", TREE);
        }
        Ok(())
    })?;
    let load = Load::start(&[LOAD])?;
    let runs = chain()?;
    load.finish()?;
    photon.stop()?;
    let preferred = runs.iter().filter(|cpu| **cpu >= FIRST_PREFERRED).count();
    Ok(preferred * 100 / runs.len().max(1))
}

/// A real-time thread wakes a link at every frame, which wakes another. The CPU of each run.
fn chain() -> Result<Vec<usize>, Fail> {
    let (from_clock, mut to_first) = pipe()?;
    let (from_first, to_second) = pipe()?;
    let first = link(from_clock, Some(to_second))?;
    let second = link(from_first, None)?;
    let clock = Builder::new().name("clock".into()).spawn(move || {
        pin(BUSY)?;
        set_policy(Policy::Fifo(1))?;
        for _ in 0..FRAMES {
            std::thread::sleep(FRAME);
            to_first.write_all(&[0])?;
        }
        std::io::Result::Ok(())
    })?;
    let panicked = |_| Fail::failed("a thread of the chain panicked");
    clock.join().map_err(panicked)??;
    let mut runs = first.join().map_err(panicked)??;
    runs.extend(second.join().map_err(panicked)??);
    Ok(runs)
}

/// To a CPU that is not preferred, from where it may go anywhere.
fn put_back() -> std::io::Result<()> {
    bind(0..FIRST_PREFERRED)?;
    burn(LINK_NS);
    allow_all()
}

/// Begins on a CPU that is not preferred, and may go where it likes.
fn link(
    mut from: impl Read + Send + 'static,
    to: Option<std::io::PipeWriter>,
) -> std::io::Result<JoinHandle<std::io::Result<Vec<usize>>>> {
    Builder::new().name("link".into()).spawn(move || {
        put_back()?;
        let (mut byte, mut runs) = ([0], Vec::new());
        while from.read(&mut byte)? > 0 {
            burn(LINK_NS);
            // SAFETY: no arguments; fails on no kernel that has sched_ext.
            runs.push(unsafe { libc::sched_getcpu() } as usize);
            if let Some(mut to) = to.as_ref() {
                to.write_all(&byte)?;
            }
            if runs.len().is_multiple_of(PUT_BACK) {
                put_back()?;
            }
        }
        Ok(runs)
    })
}
