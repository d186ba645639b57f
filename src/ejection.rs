// SPDX-License-Identifier: GPL-2.0-only
//! How the kernel ended the scheduler, and what is left of it for a report: one
//! line for the journal, a file with everything, and the latch.
//!
//! All text comes from the kernel and holds names that any user may choose for
//! his threads: any bytes, line breaks and made-up lines among them.

use std::path::Path;
use std::time::SystemTime;

use anyhow::Result;
use log::warn;
use scx_utils::ScxExitKind;

use crate::caps;
use crate::failure::Failure;
use crate::latch;
use crate::report::without_directories;
use crate::rundir::{RUN_DIR, RunDir};

const LAST_EXIT: &str = "last-exit";
/// How a stall's message goes on behind `name[pid]`.
const STALL: &str = " failed to run for ";
const CURRENT: &str = "curr=";
/// Bytes of the kernel's dump. A shorter one ends before it says much.
const DUMP_MIN: u32 = 1024;
/// The kernel's default is 32 KiB. It keeps room for a whole dump while we are attached, and so do we: not gigabytes.
const DUMP_MAX: u32 = 16 * 1024 * 1024;

/// The value of `--exit-dump-len`; 0 leaves it to the kernel.
pub fn dump_len(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Ok(0),
        Ok(bytes) if (DUMP_MIN..=DUMP_MAX).contains(&bytes) => Ok(bytes),
        _ => Err(format!(
            "expected 0, or {DUMP_MIN} to {DUMP_MAX} bytes: the memory is taken at the start"
        )),
    }
}

/// What the kernel said.
#[derive(Debug, Default)]
pub struct Exit {
    pub kind: i32,
    /// The kernel asks for a restart (CPU hotplug).
    pub restart: bool,
    pub reason: String,
    pub msg: String,
    pub dump: String,
}

impl Exit {
    /// A stall, an error, or SysRq-S: somebody looked at a frozen screen, and it
    /// must not come back by itself.
    pub fn must_stay_off(&self) -> bool {
        self.kind >= ScxExitKind::Error as i32 || self.kind == ScxExitKind::SysRq as i32
    }

    pub fn text(&self) -> String {
        let text = match (self.reason.is_empty(), self.msg.is_empty()) {
            (_, true) => self.reason.clone(),
            (true, false) => self.msg.clone(),
            _ => format!("{} ({})", self.reason, self.msg),
        };
        one_line(&text)
    }

    /// `name[pid]` of the task that waited too long.
    fn stalled(&self) -> Option<&str> {
        let (task, _) = self.msg.rsplit_once(STALL)?;
        task.ends_with(']').then_some(task)
    }

    /// What held the CPU on which the stalled task waited, if the dump says so.
    pub fn holder(&self) -> Option<String> {
        let (_, pid) = self.stalled()?.rsplit_once('[')?;
        let pid = format!("[{pid}");
        let (mut cpu, mut current) = (None, None);
        for line in self.dump.lines() {
            if let Some(number) = cpu_of_header(line) {
                (cpu, current) = (Some(number), None);
            } else if let Some(text) = line.trim_start().strip_prefix(CURRENT) {
                current.get_or_insert(text);
            } else if is_task(line, &pid)
                && let (Some(cpu), Some(current)) = (cpu, current)
            {
                return Some(one_line(&format!("CPU {cpu} was held by {current}")));
            }
        }
        None
    }
}

/// Of `CPU 3   : nr_run=2 ...`.
fn cpu_of_header(line: &str) -> Option<u32> {
    let (number, _) = line.strip_prefix("CPU ")?.split_once(':')?;
    number.trim().parse().ok()
}

/// Is it the task's own line, ` *R name[pid] -5012ms`, on newer kernels with the
/// cgroup before the time? By its end, because the name may hold anything.
fn is_task(line: &str, pid: &str) -> bool {
    let Some((_, since)) = line.trim_end().rsplit_once(pid) else {
        return false;
    };
    let last = since.split_whitespace().last().unwrap_or_default();
    let number = last.strip_suffix("ms");
    number.is_some_and(|n| n.parse::<i64>().is_ok())
}

/// Fit for a journal: no line breaks, no escape sequences.
fn one_line(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(clean).collect::<String>().trim().into()
}

/// Writes down what happened, sets the latch if it must stay off, and says both.
pub fn record(exit: &Exit) -> Failure {
    let mut said = exit.text();
    if exit.stalled().is_some() {
        said += "; ";
        said += exit
            .holder()
            .as_deref()
            .unwrap_or("the kernel's dump does not say what held its CPU");
    }
    let kept =
        keep(exit, &said).inspect_err(|e| warn!("the exit could not be written down: {e:#}"));
    if kept.is_ok() {
        said += &format!("; please send {RUN_DIR}/{LAST_EXIT} with a report");
    }
    Failure::Ejected(said)
}

fn keep(exit: &Exit, said: &str) -> Result<()> {
    let dir = RunDir::create(Path::new(RUN_DIR))?;
    // The latch first: it is what protects the player.
    if exit.must_stay_off() {
        latch::set(&dir, said)?;
    }
    let flags: Vec<String> = std::env::args().skip(1).collect();
    dir.write(LAST_EXIT, last_exit(exit, said, &flags)?.as_bytes())
}

/// The file, which somebody may send as it is.
pub fn last_exit(exit: &Exit, said: &str, flags: &[String]) -> Result<String> {
    let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let lines = [
        format!("what: {said}"),
        format!(
            "version: {}",
            scx_utils::build_id::full_version(env!("CARGO_PKG_VERSION"))
        ),
        format!("kernel: {}", caps::kernel_release()?),
        format!("flags: {}", without_directories(flags).join(" ")),
        format!("unix time: {}", time.as_secs()),
        format!("exit kind: {}", exit.kind),
        format!(
            "stalled task: {}",
            one_line(exit.stalled().unwrap_or("none"))
        ),
        format!(
            "held by: {}",
            exit.holder().unwrap_or_else(|| "unknown".into())
        ),
        String::new(),
        exit.dump.clone(),
    ];
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    const DUMP: &str = "\
kworker/u16:3[71] triggered exit kind 1026:
  runnable task stall (cc1[201] failed to run for 5.020s)

CPU states
----------

CPU 0   : nr_run=2 flags=0x1 cpu_rel=0 ops_qseq=20622 pnt_seq=45388
          curr=swapper/0[0] class=idle_sched_class
 *R other[200] +0ms

CPU 3   : nr_run=2 flags=0x1 cpu_rel=0 ops_qseq=20622 pnt_seq=45388
          curr=irq/91-nvme[44] class=rt_sched_class
  R cc1[2017] -3000ms
  R cc1[201] -5020ms
      scx_state/flags=3/0x9
";

    fn stall(msg: &str, dump: &str) -> Exit {
        Exit {
            kind: ScxExitKind::ErrorStall as i32,
            reason: "runnable task stall".into(),
            msg: msg.into(),
            dump: dump.into(),
            ..Exit::default()
        }
    }

    #[test]
    fn the_length_of_a_dump_is_bounded() {
        for good in [0, DUMP_MIN, DUMP_MAX] {
            assert_eq!(dump_len(&good.to_string()), Ok(good));
        }
        for bad in ["1", "1023", "16777217", "4294967295", "-1", "x", ""] {
            let cli = crate::cli::parse(["scx_photon", &format!("--exit-dump-len={bad}")]);
            assert_eq!(cli.expect_err(bad).exit_code(), 2);
        }
        let command = crate::cli::Cli::command();
        let mut flags = command.get_arguments();
        let flag = flags.find(|a| a.get_long() == Some("exit-dump-len"));
        let help = flag.and_then(|f| f.get_help()).expect("help").to_string();
        let range = format!("{DUMP_MIN} to {DUMP_MAX};");
        assert!(help.contains(&range), "{help}");
    }

    #[test]
    fn the_holder_is_found() {
        let exit = stall("cc1[201] failed to run for 5.020s", DUMP);
        assert_eq!(exit.stalled(), Some("cc1[201]"));
        let holder = exit.holder().expect("a holder");
        assert!(
            holder.starts_with("CPU 3 was held by irq/91-nvme[44]"),
            "{holder}"
        );
        assert!(exit.must_stay_off());
    }

    #[test]
    fn a_real_dump_is_read() {
        let dump = include_str!("../tests/corpus/dump/linux_7_3");
        let exit = stall(
            "st\n\u{1b}\u{fffd}alled[122] failed to run for 7.432s",
            dump,
        );
        let holder = exit.holder().expect("a holder");
        assert!(holder.starts_with("CPU 2 was held by hog[118]"), "{holder}");
    }

    #[test]
    fn a_cut_dump_names_nobody() {
        for end in 0..DUMP.len() {
            let exit = stall("cc1[201] failed to run for 5.020s", &DUMP[..end]);
            if let Some(holder) = exit.holder() {
                assert!(holder.starts_with("CPU 3 was held by irq/91"), "{holder}");
            }
        }
        assert_eq!(stall("nonsense", DUMP).stalled(), None);
        assert_eq!(stall("x failed to run for 1s", DUMP).holder(), None);
    }

    #[test]
    fn names_cannot_break_the_line() {
        let exit = stall(
            "a\nscx_photon: all is well\u{1b}[2J[201] failed to run for 5s",
            "",
        );
        assert!(
            !exit.text().chars().any(char::is_control),
            "{}",
            exit.text()
        );
    }

    #[test]
    fn a_restart_is_no_ejection() {
        let exit = Exit {
            kind: ScxExitKind::UnregKern as i32,
            restart: true,
            ..Exit::default()
        };
        assert!(!exit.must_stay_off());
        let sysrq = Exit {
            kind: ScxExitKind::SysRq as i32,
            ..Exit::default()
        };
        assert!(sysrq.must_stay_off());
    }
}
