// SPDX-License-Identifier: GPL-2.0-only
//! What root may do to a machine at any moment: move tasks between cgroups, weigh, throttle and freeze them, set the
//! clock.

use super::processes::{burning, cpu_ticks, runs_beyond};
use super::{Amount, Slack};
use crate::killed::KilledFork;
use crate::photon::Photon;
use crate::scenario::Fail;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ROOT: &str = "/sys/fs/cgroup";
const HOGS: usize = 3;
const PAUSE: Duration = Duration::from_millis(2);
/// Least and most that `cpu.weight` takes.
const WEIGHTS: [&str; 3] = ["1", "10000", "100"];

/// Two groups, some hogs that are moved to and fro, and every knob turned meanwhile.
pub fn cgroups(_: &Photon, times: Amount, _: Slack) -> Result<u64, Fail> {
    let root = Path::new(ROOT);
    let enabled = std::fs::write(root.join("cgroup.subtree_control"), "+cpu");
    enabled.map_err(|e| Fail::skip(format!("no cpu controller: {e}")))?;
    let groups = [Group::make(root, "a")?, Group::make(root, "b")?];
    // After the groups: these can be removed only when nobody is in them any more.
    let hogs: io::Result<Vec<KilledFork>> = (0..HOGS).map(|_| burning()).collect();
    let hogs = hogs?;
    turn(&groups, &hogs, times)?;
    all_run(&hogs)?;
    Ok(times)
}

fn turn(groups: &[Group; 2], hogs: &[KilledFork], times: u64) -> Result<(), Fail> {
    for n in 0..times as usize {
        let group = &groups[n % 2];
        for hog in hogs {
            group.set("cgroup.procs", &hog.0.to_string())?;
        }
        group.set("cpu.weight", WEIGHTS[n % WEIGHTS.len()])?;
        group.set("cpu.max", if n % 4 == 0 { "20000 100000" } else { "max" })?;
        group.set("cgroup.freeze", if n % 3 == 0 { "1" } else { "0" })?;
        std::thread::sleep(PAUSE);
        group.set("cgroup.freeze", "0")?;
    }
    groups.iter().try_for_each(|g| g.set("cpu.max", "max"))
}

/// Nobody was lost on the way.
fn all_run(hogs: &[KilledFork]) -> Result<(), Fail> {
    let before: Result<Vec<u64>, Fail> = hogs.iter().map(|h| cpu_ticks(h.0)).collect();
    for (hog, before) in hogs.iter().zip(before?) {
        if !runs_beyond(hog.0, before)? {
            return Err(Fail::failed("a task moved between cgroups no longer runs"));
        }
    }
    Ok(())
}

struct Group(PathBuf);

impl Group {
    fn make(root: &Path, name: &str) -> io::Result<Self> {
        let path = root.join(format!("photon-{name}"));
        std::fs::create_dir(&path)?;
        Ok(Group(path))
    }

    fn set(&self, file: &str, value: &str) -> Result<(), Fail> {
        let path = self.0.join(file);
        std::fs::write(&path, value)
            .map_err(|e| Fail::failed(format!("{} = {value}: {e}", path.display())))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Fails only while something lives in it, which PID 1 ends later.
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// The wall clock jumps by a day and back; deadlines are on another clock.
pub fn clock_jumps(_: &Photon, times: Amount, _: Slack) -> Result<u64, Fail> {
    const DAY_S: i64 = 86_400;
    for n in 0..times {
        shift_clock(if n % 2 == 0 { DAY_S } else { -DAY_S })?;
        std::thread::sleep(PAUSE);
    }
    Ok(times)
}

fn shift_clock(by_s: i64) -> io::Result<()> {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a live struct of the type both calls want.
    let rc = unsafe {
        libc::clock_gettime(libc::CLOCK_REALTIME, &mut now);
        now.tv_sec += by_s;
        libc::clock_settime(libc::CLOCK_REALTIME, &now)
    };
    match rc {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
