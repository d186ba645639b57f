// SPDX-License-Identifier: GPL-2.0-only
//! The kernel log, watched for what no test may cause: warnings, oopses, stalls, lock order reports.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

/// How such a line begins, after the kernel's own time stamp.
const SPLAT_STARTS: &[&str] = &[
    "WARNING:",
    "BUG:",
    "watchdog: BUG:",
    "Oops",
    "INFO: task ",
    "INFO: rcu",
    "rcu: INFO:",
    "general protection fault",
    "Kernel panic",
    "KASAN",
    "UBSAN",
    "------------[ cut here",
];
/// In such a line by itself: what stands before it has changed with the kernels, and other lines of the same watchdog
/// tell of nothing bad.
const SPLAT_PART: &str = "detected hard LOCKUP";
/// One record of /dev/kmsg never exceeds this (the kernel's PRINTK_MESSAGE_MAX and CONSOLE_EXT_LOG_MAX).
const RECORD_BYTES: usize = 8192;

pub struct Kmsg {
    file: File,
}

impl Kmsg {
    pub fn open() -> std::io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open("/dev/kmsg")?;
        Ok(Kmsg { file })
    }

    pub fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Splats that arrived since the last call.
    pub fn splats(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        let mut record = [0u8; RECORD_BYTES];
        loop {
            match self.file.read(&mut record) {
                Ok(0) => break,
                Ok(n) => found.extend(splat(&String::from_utf8_lossy(&record[..n]))),
                // Overwritten before we read it: the next read goes on with the oldest record left.
                Err(e)
                    if e.raw_os_error() == Some(libc::EPIPE)
                        || e.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        found
    }
}

/// The text of a record (`priority,sequence,time,flags;text`) if it begins a splat.
fn splat(record: &str) -> Option<String> {
    let (head, text) = record.split_once(';')?;
    // Facility 0 is the kernel; anything else was written by a program, which cannot be a splat.
    let priority: u32 = head.split(',').next()?.parse().ok()?;
    if priority >> 3 != 0 {
        return None;
    }
    let line = text.lines().next()?;
    let begins = SPLAT_STARTS.iter().any(|start| line.starts_with(start));
    (begins || line.contains(SPLAT_PART)).then(|| line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_kernel_splats_only() {
        assert!(
            splat("4,401,2150000,-;WARNING: CPU: 1 PID: 7 at kernel/sched/ext.c:12 foo+0x1\n")
                .is_some()
        );
        assert!(splat("6,402,2150000,-;sched_ext: BPF scheduler \"photon\" enabled\n").is_none());
        assert!(splat("12,403,2150000,-;WARNING: written by a program\n").is_none());
        assert!(splat("0,404,1,-;BUG: unable to handle page fault\n SUBSYSTEM=x\n").is_some());
        assert!(splat("garbage").is_none());
    }

    #[test]
    fn a_lockup_is_a_splat() {
        let found = |text: &str| splat(&format!("0,405,1,-;{text}\n")).is_some();
        for text in [
            "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [hog:91]",
            "watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 1",
            "watchdog: Watchdog detected hard LOCKUP on cpu 1",
            "NMI watchdog: Watchdog detected hard LOCKUP on cpu 1",
            "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 31s!",
            "INFO: task hog:91 blocked for more than 122 seconds.",
            "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
            "Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1]",
        ] {
            assert!(found(text), "{text}");
        }
        assert!(!found(
            "NMI watchdog: Enabled. Permanently consumes one hw-PMU counter."
        ));
        assert!(!found(
            "watchdog: Delayed init of the lockup detector failed: -19"
        ));
    }
}
