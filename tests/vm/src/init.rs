// SPDX-License-Identifier: GPL-2.0-only
//! PID 1 of the test VM: prepares the machine, runs each job as a child, watches the kernel log meanwhile, tells the
//! host over the serial console, powers off.

use crate::kmsg::Kmsg;
use crate::protocol::{Event, Job, Report, Status, send};
use crate::scenario::RESULT_ENV;
use crate::{latch, photon, setup};
use anyhow::{Context, Result};
use serde_json::Value;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

const JOB_LIST: &str = "/etc/photon-jobs";
const REPORT_FILE: &str = "/run/photon-report";
/// Guest time between signs of life. The host gives up after minutes of its own time without one (`SILENCE_LIMIT` in
/// xtask); a fully busy emulated machine needs about 15 s of host time for this much.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long the kernel may take to fall back to its own scheduler after the last process of a job is dead.
const DETACH_LIMIT: Duration = Duration::from_secs(10);
/// Prime to the periods of ticks (4 ms), frames (16.7 ms) and polls (5 ms).
const SHAKE_STEP: Duration = Duration::from_micros(1373);
/// Enough splat lines to know what happened.
const SPLATS_SHOWN: usize = 5;

pub fn run() -> ! {
    if let Err(e) = run_jobs() {
        send(&Event::Broken {
            reason: format!("{e:#}"),
        });
    }
    power_off()
}

fn run_jobs() -> Result<()> {
    setup::mounts()?;
    setup::console()?;
    setup::quiet_console();
    setup::escape_the_scheduler();
    setup::host_name();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let cpus = std::thread::available_parallelism()?.get();
    send(&Event::Init {
        kernel: kernel.trim().to_string(),
        cpus,
    });
    setup::modules();
    let mut kmsg = Kmsg::open().context("/dev/kmsg")?;
    for text in kmsg.splats() {
        send(&Event::Splat { text });
    }
    let jobs = read_jobs()?;
    for job in &jobs {
        send(&Event::Started {
            job: job.name.clone(),
        });
        let begin = Instant::now();
        let report = run_job(job, &mut kmsg)?;
        send(&Event::Result {
            job: job.name.clone(),
            report: Report {
                seconds: begin.elapsed().as_secs_f64(),
                ..report
            },
        });
    }
    send(&Event::Done {});
    Ok(())
}

fn read_jobs() -> Result<Vec<Job>> {
    let text = std::fs::read_to_string(JOB_LIST).context(JOB_LIST)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).with_context(|| format!("job line {line}")))
        .collect()
}

fn run_job(job: &Job, kmsg: &mut Kmsg) -> Result<Report> {
    // The report of the job before must not be taken for this one's, nor its ejection held against it.
    let _ = std::fs::remove_file(REPORT_FILE);
    let _ = std::fs::remove_dir_all(latch::RUN_DIR);
    std::thread::sleep(SHAKE_STEP * job.shake);
    let mut child = Command::new("/proc/self/exe")
        .arg("scenario")
        .arg(&job.scenario)
        .args(&job.args)
        .env(RESULT_ENV, REPORT_FILE)
        .env("PATH", "/bin")
        .env("HOME", "/tmp")
        .process_group(0)
        .spawn()
        .context("starting a scenario")?;
    let mut splats = Vec::new();
    let in_time = watch(
        &mut child,
        kmsg,
        Duration::from_secs(job.limit_s),
        &mut splats,
    )?;
    end_all_processes();
    let mut report = match std::fs::read_to_string(REPORT_FILE) {
        Ok(text) => serde_json::from_str(&text).context("report of a scenario")?,
        Err(_) => failed("the scenario ended without a report".to_string()),
    };
    if !in_time {
        report = failed(format!(
            "not finished after {} s of guest time",
            job.limit_s
        ));
    }
    if !back_to_default_scheduler() {
        report =
            failed("sched_ext was not disabled after the job's processes were gone".to_string());
    }
    splats.extend(kmsg.splats());
    if !splats.is_empty() {
        splats.truncate(SPLATS_SHOWN);
        report = failed(format!(
            "kernel log: {}; {}",
            splats.join(" | "),
            report.reason
        ));
    }
    Ok(report)
}

pub fn failed(reason: String) -> Report {
    Report {
        status: Status::Fail,
        reason,
        metrics: Value::Null,
        seconds: 0.0,
    }
}

/// Waits for the child, at most `limit`. False when time ran out.
fn watch(
    child: &mut Child,
    kmsg: &mut Kmsg,
    limit: Duration,
    splats: &mut Vec<String>,
) -> Result<bool> {
    // SAFETY: pidfd_open takes no pointers; the child is not reaped, so the pid is still its own.
    let pidfd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) } as RawFd;
    let begin = Instant::now();
    let mut beat = Instant::now();
    let in_time = loop {
        let until_beat = HEARTBEAT.saturating_sub(beat.elapsed());
        wait_readable(
            &[kmsg.fd(), pidfd],
            until_beat.min(limit.saturating_sub(begin.elapsed())),
        );
        splats.extend(kmsg.splats());
        if child.try_wait()?.is_some() {
            break true;
        }
        if begin.elapsed() >= limit {
            break false;
        }
        if beat.elapsed() >= HEARTBEAT {
            beat = Instant::now();
            send(&Event::Heartbeat {});
        }
    };
    // SAFETY: the descriptor is ours and is not used again; -1 only makes close fail.
    unsafe { libc::close(pidfd) };
    Ok(in_time)
}

fn wait_readable(fds: &[RawFd], limit: Duration) {
    let mut polled: Vec<libc::pollfd> = fds
        .iter()
        .map(|&fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let ms = i32::try_from(limit.as_millis())
        .unwrap_or(i32::MAX)
        .saturating_add(1);
    // SAFETY: the array lives through the call and its length is given. An error only makes the caller look earlier.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, ms) };
}

/// Whatever a job left running would be noise in the next one.
fn end_all_processes() {
    // SAFETY: no pointers; PID 1 itself is spared by the kernel.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    // SAFETY: no status is asked for, so the pointer may be null. Ends when no child is left.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } > 0 {}
}

fn back_to_default_scheduler() -> bool {
    let begin = Instant::now();
    loop {
        match photon::scx_state().as_deref() {
            None | Some("disabled") => return true,
            _ if begin.elapsed() > DETACH_LIMIT => return false,
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

pub fn power_off() -> ! {
    // SAFETY: none of the calls takes pointers.
    unsafe {
        // The last report may still be on its way through the serial port, and would be lost with the power.
        libc::tcdrain(libc::STDOUT_FILENO);
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
    // Only if the power stayed on; PID 1 must never return, and the host ends a silent machine.
    loop {
        std::thread::sleep(HEARTBEAT);
    }
}
