// SPDX-License-Identifier: GPL-2.0-only
//! What this kernel offers, found without attaching anything.

use std::fs::DirEntry;
use std::path::Path;

use anyhow::Result;
use scx_utils::compat;
use serde::Serialize;

use crate::failure::Failure;

pub const SCHED_EXT: &str = "/sys/kernel/sched_ext";
const VMLINUX_BTF: &str = "/sys/kernel/btf/vmlinux";
/// The DRM core, as a module or built in: it has parameters, so it is listed.
const DRM: &str = "/sys/module/drm";
const CPUFREQ: &str = "/sys/devices/system/cpu/cpufreq";

/// One line of `scx_photon check`: a thing the kernel has or lacks.
#[derive(Clone, Debug, Serialize)]
pub struct Capability {
    pub name: &'static str,
    pub present: bool,
    /// What its absence means for the player.
    pub without: &'static str,
}

fn has_btf() -> bool {
    Path::new(VMLINUX_BTF).exists()
}

/// Without BTF the library would not answer but panic.
fn ksym(name: &str) -> bool {
    has_btf() && compat::ksym_exists(name).unwrap_or(false)
}

/// Why the scheduler cannot run here at all, if so.
pub fn blocker() -> Option<Failure> {
    if !has_btf() {
        return Some(Failure::NoBtf);
    }
    if !Path::new(SCHED_EXT).exists() {
        return Some(Failure::NoSchedExt);
    }
    let refused = need_root("loading a scheduler needs root").err();
    refused.or_else(|| attached_scheduler().map(Failure::Busy))
}

pub fn need_root(why: &str) -> Result<(), Failure> {
    match nix::unistd::geteuid().is_root() {
        true => Ok(()),
        false => Err(Failure::Permission(why.into())),
    }
}

/// The sched_ext scheduler that is attached now, by the kernel's word.
pub fn attached_scheduler() -> Option<String> {
    let state = std::fs::read_to_string(Path::new(SCHED_EXT).join("state")).ok()?;
    if state.trim() == "disabled" {
        return None;
    }
    let ops = std::fs::read_to_string(Path::new(SCHED_EXT).join("root/ops"));
    Some(ops.map_or_else(|_| state.trim().to_string(), |s| s.trim().to_string()))
}

/// Can fentry programs be attached?
fn function_tracer() -> bool {
    compat::function_tracer_available()
}

/// Can input reports be seen? The error says why not.
pub fn input_probe() -> Result<(), &'static str> {
    if !function_tracer() {
        return Err("the kernel is built without CONFIG_FUNCTION_TRACER");
    }
    match ksym("input_event") {
        true => Ok(()),
        false => Err("the kernel has no input_event() in its BTF"),
    }
}

/// Can it be seen for which lock a task waits?
pub fn lock_probe() -> bool {
    function_tracer() && ksym("futex_wait")
}

/// Does the governor of any CPU ask the scheduler how fast it shall be?
pub fn schedutil() -> bool {
    let governor =
        |policy: DirEntry| std::fs::read_to_string(policy.path().join("scaling_governor"));
    let policies = std::fs::read_dir(CPUFREQ).into_iter().flatten().flatten();
    policies
        .filter_map(|policy| governor(policy).ok())
        .any(|name| name.trim() == "schedutil")
}

/// Everything that is optional, in the order it is printed.
pub fn detect() -> Vec<Capability> {
    let cap = |name, present, without| Capability {
        name,
        present,
        without,
    };
    vec![
        cap(
            "input probe",
            input_probe().is_ok(),
            "no input boost: the tasks that read input are scheduled by behaviour alone",
        ),
        cap(
            "vblank events",
            Path::new(DRM).exists(),
            "a compositor is recognised only if it is a real-time task or reads input",
        ),
        cap(
            "GPU fences",
            ksym("btf_trace_dma_fence_signaled"),
            "who waits for the GPU is scheduled by behaviour alone",
        ),
        cap(
            "lock probe",
            lock_probe(),
            "a thread that holds a lock which a frame waits for is not helped",
        ),
        cap(
            "idle search within affinity",
            ksym("__scx_bpf_select_cpu_and") || ksym("scx_bpf_select_cpu_and"),
            "idle CPUs are found by the kernel's default search",
        ),
        cap(
            "queue peek",
            ksym("scx_bpf_dsq_peek"),
            "bound tasks are compared with others by iterating: slower dispatch",
        ),
        cap(
            "rescue from real-time tasks",
            ksym("scx_bpf_dsq_reenq") || ksym("scx_bpf_reenqueue_local"),
            "a task caught behind a real-time task waits for it",
        ),
        cap(
            "scheduler clock",
            ksym("scx_bpf_now"),
            "every decision reads the hardware clock",
        ),
    ]
}

/// The kernel release, for logs and reports.
pub fn kernel_release() -> Result<String> {
    Ok(nix::sys::utsname::uname()?
        .release()
        .to_string_lossy()
        .into_owned())
}
