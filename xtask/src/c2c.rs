// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask c2c`: which cache lines the scheduler's programs fight over, on hardware that can tell. Needs `perf`, root
//! and sampled memory events (Intel: ldlat loads; AMD: IBS; Arm: SPE); most virtual machines have none.

use crate::{EXIT_INFRASTRUCTURE, shell};
use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

/// How the kernel names compiled BPF programs: this, a tag, and the program's name.
const BPF_PREFIX: &str = "bpf_prog_";
/// What all programs of ours are called: the callbacks, and the probes.
const OURS: [&str; 5] = [
    "photon_",
    "on_",
    "after_input_event",
    "wake_task",
    "link_task",
];
const LINE: u64 = 64;
/// Lines shown, worst first.
const SHOWN: usize = 20;

#[derive(clap::Args)]
pub struct Args {
    /// How long to sample, while scx_photon and a load run
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u32,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let unavailable = |why: &str| {
        eprintln!("xtask: c2c: not measured: {why}");
        Ok(ExitCode::from(EXIT_INFRASTRUCTURE))
    };
    if !shell::found("perf") {
        return unavailable("perf is not installed (Debian: linux-perf)");
    }
    if !shell::is_root() {
        return unavailable("only root may sample the kernel");
    }
    let data = std::env::temp_dir().join(format!("photon-c2c-{}.data", std::process::id()));
    let seconds = args.seconds.to_string();
    shell::step(&format!("sampling memory accesses for {seconds} s"));
    let record = Command::new("perf")
        .args(["c2c", "record", "-a", "-o"])
        .arg(&data)
        .args(["--", "sleep", &seconds])
        .stdin(Stdio::null())
        .output()
        .context("perf")?;
    if !record.status.success() {
        let said = String::from_utf8_lossy(&record.stderr);
        let line = said.lines().find(|l| !l.trim().is_empty());
        return unavailable(&format!(
            "this machine samples no memory accesses: {}",
            line.unwrap_or_default().trim()
        ));
    }
    let outcome = summarise(&data);
    std::fs::remove_file(&data).ok();
    match outcome? {
        (0, _) => {
            unavailable("no sample is of a program of scx_photon; does it run beside a load?")
        }
        (_, text) => {
            print!("{text}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// How many samples there are, and what they say.
fn summarise(data: &Path) -> Result<(u64, String)> {
    let mut script = Command::new("perf");
    script
        .args(["script", "-F", "cpu,event,addr,sym", "-i"])
        .arg(data);
    Ok(report(&shell::output(&mut script)?))
}

/// A cache line that programs of ours have touched.
#[derive(Default)]
struct Touched {
    samples: u64,
    cpus: BTreeSet<String>,
    /// Offset in the line and program.
    by: BTreeMap<(u64, String), u64>,
}

/// `[003] cpu/mem-stores/P: ffff888112345678 bpf_prog_0123456789abcdef_photon_running`
fn sample(line: &str) -> Option<(&str, u64, &str)> {
    let mut words = line.split_whitespace();
    let cpu = words.next()?.strip_prefix('[')?.strip_suffix(']')?;
    let mut last_two = words.rev();
    let program = last_two.next()?.strip_prefix(BPF_PREFIX)?;
    let (_tag, program) = program.split_once('_')?;
    let address = u64::from_str_radix(last_two.next()?, 16).ok()?;
    let ours = OURS.iter().any(|prefix| program.starts_with(prefix));
    (ours && address != 0).then_some((cpu, address, program))
}

/// The samples, and the lines that more than one CPU has touched, those with the most samples first.
fn report(script: &str) -> (u64, String) {
    let mut lines: BTreeMap<u64, Touched> = BTreeMap::new();
    for (cpu, address, program) in script.lines().filter_map(sample) {
        let touched = lines.entry(address / LINE).or_default();
        touched.samples += 1;
        touched.cpus.insert(cpu.to_string());
        let place = (address % LINE, program.to_string());
        *touched.by.entry(place).or_default() += 1;
    }
    let all: u64 = lines.values().map(|t| t.samples).sum();
    let mut shared: Vec<_> = lines
        .into_iter()
        .filter(|(_, t)| t.cpus.len() > 1)
        .collect();
    shared.sort_by_key(|(_, t)| std::cmp::Reverse(t.samples));
    let mut out = format!(
        "{all} samples in programs of scx_photon; {} lines touched by several CPUs. Which field an offset is: src/bpf/layout.def.h\n",
        shared.len()
    );
    for (line, touched) in shared.iter().take(SHOWN) {
        out += &format!(
            "line {:#x}: {} samples, {} CPUs\n",
            line * LINE,
            touched.samples,
            touched.cpus.len()
        );
        for ((offset, program), samples) in &touched.by {
            out += &format!("  at {offset:>2}: {samples:>6}  {program}\n");
        }
    }
    (all, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "\
[000]  cpu/mem-stores/P:  ffff888100001040 bpf_prog_0123456789abcdef_photon_running
[003]  cpu/mem-loads,ldlat=30/P:  ffff888100001048 bpf_prog_fedcba9876543210_photon_select_cpu
[003]  cpu/mem-loads,ldlat=30/P:  ffff888100002000 bpf_prog_fedcba9876543210_photon_select_cpu
[001]  cpu/mem-loads,ldlat=30/P:  ffff888100001040 do_syscall_64
[001]  cpu/mem-loads,ldlat=30/P:  ffff888100001040 bpf_prog_fedcba9876543210_someone_else
[001]  cpu/mem-loads,ldlat=30/P:                 0 bpf_prog_fedcba9876543210_photon_enqueue
";

    #[test]
    fn lines_of_several_cpus_are_shown() {
        let (samples, said) = report(SCRIPT);
        assert_eq!(samples, 3);
        assert!(said.starts_with("3 samples"), "{said}");
        assert!(said.contains("1 lines touched by several CPUs"), "{said}");
        assert!(
            said.contains("line 0xffff888100001040: 2 samples, 2 CPUs"),
            "{said}"
        );
        assert!(said.contains("at  8:      1  photon_select_cpu"), "{said}");
        assert!(!said.contains("someone_else"));
    }
}
