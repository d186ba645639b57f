// SPDX-License-Identifier: GPL-2.0-only
//! How long kernel threads wait for a CPU, by the kernel's own account: the second number of /proc/PID/schedstat is
//! the time a task was runnable and not running. Sampled often, its growth between two samples is an upper bound of
//! every single wait that ended there. Only threads of the normal policy count: the others are above sched_ext.
//!
//! Work for the per-CPU workers is made by /proc/sys/vm/stat_refresh, which queues an item on every CPU and waits.

use crate::scenario::Fail;
use photon_bench::sys::sched::{Policy, set_policy};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const PF_KTHREAD: u64 = 0x0020_0000;
const SAMPLE: Duration = Duration::from_millis(20);
const STIMULUS: Duration = Duration::from_millis(10);
const STAT_REFRESH: &str = "/proc/sys/vm/stat_refresh";
/// Above the hogs, or the samples would be late.
const PRIORITY: i32 = 2;

#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Waits {
    /// Upper bound of the longest single wait.
    pub max_ns: u64,
    pub thread: String,
    /// Times that threads were put on a CPU: a bound of nothing would prove nothing.
    pub runs: u64,
}

pub struct Watch {
    stop: Arc<AtomicBool>,
    sampler: JoinHandle<io::Result<Waits>>,
    stimulus: JoinHandle<()>,
}

impl Watch {
    pub fn start() -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (flag, again) = (Arc::clone(&stop), Arc::clone(&stop));
        let sampler = std::thread::Builder::new()
            .name("kthread-watch".into())
            .spawn(move || sample(&flag))?;
        let stimulus = std::thread::Builder::new()
            .name("stat-refresh".into())
            .spawn(move || {
                while !again.load(Ordering::Relaxed) {
                    // A kernel without it makes less work; the runs are reported.
                    let _ = std::fs::read(STAT_REFRESH);
                    std::thread::sleep(STIMULUS);
                }
            })?;
        Ok(Watch {
            stop,
            sampler,
            stimulus,
        })
    }

    pub fn finish(self) -> Result<Waits, Fail> {
        self.stop.store(true, Ordering::Relaxed);
        let waits = self.sampler.join();
        let other = self.stimulus.join();
        match (waits, other) {
            (Ok(waits), Ok(())) => Ok(waits?),
            _ => Err(Fail::failed("a thread of the kthread watch panicked")),
        }
    }
}

fn sample(stop: &AtomicBool) -> io::Result<Waits> {
    set_policy(Policy::Fifo(PRIORITY))?;
    let mut known: HashMap<u32, Option<Account>> = HashMap::new();
    let mut waits = Waits::default();
    while !stop.load(Ordering::Relaxed) {
        for pid in pids()? {
            let account = known.entry(pid).or_insert_with(|| Account::new(pid));
            if let Some(account) = account {
                account.advance(pid, &mut waits);
            }
        }
        std::thread::sleep(SAMPLE);
    }
    Ok(waits)
}

fn pids() -> io::Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc")?;
    Ok(entries
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect())
}

/// What a kernel thread had waited and run when it was last looked at.
struct Account {
    name: String,
    delay_ns: u64,
    runs: u64,
}

impl Account {
    /// None for what is no kernel thread of the normal policy.
    fn new(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let name = normal_kthread(&stat)?;
        let (delay_ns, runs) = schedstat(pid)?;
        Some(Account {
            name,
            delay_ns,
            runs,
        })
    }

    fn advance(&mut self, pid: u32, waits: &mut Waits) {
        let Some((delay_ns, runs)) = schedstat(pid) else {
            return;
        };
        let waited = delay_ns.saturating_sub(self.delay_ns);
        waits.runs += runs.saturating_sub(self.runs);
        (self.delay_ns, self.runs) = (delay_ns, runs);
        if waited > waits.max_ns {
            waits.max_ns = waited;
            waits.thread.clone_from(&self.name);
        }
    }
}

/// The name out of a line of /proc/PID/stat: `pid (name) state ppid ... flags ... policy ...`.
fn normal_kthread(stat: &str) -> Option<String> {
    const FLAGS: usize = 6;
    const POLICY: usize = 38;
    let (head, rest) = stat.rsplit_once(')')?;
    let (_, name) = head.split_once('(')?;
    let field = |n: usize| rest.split_whitespace().nth(n)?.parse::<u64>().ok();
    let normal = field(POLICY)? == libc::SCHED_OTHER as u64;
    (field(FLAGS)? & PF_KTHREAD != 0 && normal).then(|| name.to_string())
}

/// Time waited and times run.
fn schedstat(pid: u32) -> Option<(u64, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    let mut fields = text.split_whitespace().skip(1).map(str::parse);
    Some((fields.next()?.ok()?, fields.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_threads_are_told_apart() {
        let line = |flags: u64, policy: u64| {
            let middle = vec!["0"; 31].join(" ");
            format!("7 (kworker/0:1) I 2 0 0 0 -1 {flags} {middle} {policy} 0 0")
        };
        assert_eq!(
            normal_kthread(&line(PF_KTHREAD, 0)).as_deref(),
            Some("kworker/0:1")
        );
        assert_eq!(normal_kthread(&line(0, 0)), None);
        assert_eq!(normal_kthread(&line(PF_KTHREAD, 1)), None);
    }
}
