// SPDX-License-Identifier: GPL-2.0-only
//! What a guest says during one boot, up to a report for every job or an infrastructure error. A guest that never
//! came up is the latter; a guest that dies while a job runs is that job's failure, since a scheduler that hangs the
//! machine is what the tests are for.

use crate::guest::{self, Event, Job, Report, Status};
use crate::qmp::Qmp;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// What a kernel says that has run into a breakpoint which it has taken back. A kernel patches its own code that way
/// (static keys, tracepoints, trampolines of BPF programs), and with virtual CPUs in parallel QEMU can keep the
/// breakpoint: on a store into code it drops what it has translated, then stores (`notdirty_write()` in
/// accel/tcg/cputlb.c), and between the two another CPU may translate the old bytes anew. A busy host, which stops the
/// first in between, makes it likely. No BPF program can.
const STALE_CODE: &str = "Oops: int3:";

/// Serial lines kept for an error message.
const TAIL_LINES: usize = 15;

/// What a caller may show while a boot runs.
pub enum Seen<'a> {
    Booted {
        kernel: &'a str,
        cpus: usize,
    },
    Text(&'a str),
    Started(&'a str),
    /// The emulator failed, and everything is done once more.
    Again(&'a str),
}

#[derive(Default)]
struct State {
    booted: bool,
    running: Option<String>,
    reports: Vec<(String, Report)>,
    broken: Option<String>,
    done: bool,
    stale_code: bool,
}

pub struct Session<'a> {
    jobs: &'a [Job],
    silence: Duration,
    /// The emulator's control socket.
    qmp: PathBuf,
    tail: VecDeque<String>,
    state: State,
}

impl<'a> Session<'a> {
    pub fn new(jobs: &'a [Job], silence: Duration, qmp: PathBuf) -> Self {
        Session {
            jobs,
            silence,
            qmp,
            tail: VecDeque::new(),
            state: State::default(),
        }
    }

    /// Follows the guest to its end. None if it ended as it should, else what happened.
    pub fn follow(
        &mut self,
        lines: &Receiver<String>,
        show: &mut dyn FnMut(Seen),
    ) -> Option<String> {
        loop {
            let line = match lines.recv_timeout(self.silence) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    return Some(format!("silent for {:?}", self.silence));
                }
                Err(RecvTimeoutError::Disconnected) => {
                    return Some("the machine stopped by itself".to_string());
                }
            };
            match guest::parse(&line) {
                Some(event) => self.take(event, show),
                None if line.is_empty() => {}
                None => {
                    show(Seen::Text(&line));
                    self.state.stale_code |= line.contains(STALE_CODE);
                    self.tail.push_back(line);
                    while self.tail.len() > TAIL_LINES {
                        self.tail.pop_front();
                    }
                }
            }
            if self.state.done {
                return None;
            }
            if let Some(reason) = &self.state.broken {
                return Some(reason.clone());
            }
        }
    }

    fn take(&mut self, event: Event, show: &mut dyn FnMut(Seen)) {
        match event {
            Event::Init { kernel, cpus } => {
                self.state.booted = true;
                show(Seen::Booted {
                    kernel: &kernel,
                    cpus,
                });
            }
            Event::Module { path, error } => show(Seen::Text(&format!("module {path}: {error}"))),
            Event::Started { job } => {
                show(Seen::Started(&job));
                self.state.running = Some(job);
            }
            Event::Result { job, report } => {
                self.state.running = None;
                self.state.reports.push((job, report));
            }
            Event::Heartbeat {} => {}
            Event::Splat { text } => show(Seen::Text(&format!(
                "kernel log before the first job: {text}"
            ))),
            Event::Broken { reason } => self.state.broken = Some(reason),
            Event::Done {} => self.state.done = true,
            Event::Input {
                kind,
                reports,
                gap_ms,
            } => {
                self.ask(move |emulator| emulator.send_reports(kind, reports, gap_ms));
            }
            Event::Plug {} => self.ask(Qmp::plug_cpu),
        }
    }

    /// On a thread of its own: the guest goes on talking while it is served.
    fn ask(&self, what: impl FnOnce(&mut Qmp) -> anyhow::Result<()> + Send + 'static) {
        let socket = self.qmp.clone();
        std::thread::spawn(move || {
            let done = Qmp::connect(&socket).and_then(|mut emulator| what(&mut emulator));
            if let Err(e) = done {
                eprintln!("xtask: the emulator: {e:#}");
            }
        });
    }

    /// Whether a CPU has run code that was not there any more.
    pub fn ran_stale_code(&self) -> bool {
        self.state.stale_code
    }

    /// A report for each job, or what went wrong with the machine.
    pub fn reports(self, end: Option<String>) -> Result<Vec<(String, Report)>, String> {
        let State {
            booted,
            running,
            mut reports,
            broken,
            ..
        } = self.state;
        let Some(end) = end else {
            return match missing(self.jobs, &reports) {
                None => Ok(reports),
                // Else a job that was never run would be as good as one that passed.
                Some(job) => Err(format!("the guest was done without a report of {job}")),
            };
        };
        let tail: Vec<String> = self.tail.into();
        let Some(running) = running.filter(|_| broken.is_none()) else {
            let what = if booted {
                "the guest broke"
            } else {
                "the guest did not boot"
            };
            return Err(format!(
                "{what}: {end}; last lines:\n  {}",
                tail.join("\n  ")
            ));
        };
        let last = tail.last().cloned().unwrap_or_default();
        for job in self.jobs.iter().skip(reports.len()) {
            let reason = if job.name == running {
                format!("the guest died: {end}; last line: {last}")
            } else {
                format!("not run: the guest died during {running}")
            };
            let report = Report {
                status: Status::Fail,
                reason,
                metrics: Value::Null,
                seconds: 0.0,
            };
            reports.push((job.name.clone(), report));
        }
        Ok(reports)
    }
}

/// The first job without a report.
fn missing<'j>(jobs: &'j [Job], reports: &[(String, Report)]) -> Option<&'j str> {
    let mut names = jobs.iter().map(|job| job.name.as_str());
    names.find(|name| reports.iter().all(|(reported, _)| reported != name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const INIT: &str = r#"@photon {"event":"init","kernel":"7.3","cpus":4}"#;
    const STARTED_A: &str = r#"@photon {"event":"started","job":"a"}"#;
    const PASSED_A: &str = r#"@photon {"event":"result","job":"a","status":"pass","seconds":1.0}"#;
    const STARTED_B: &str = r#"@photon {"event":"started","job":"b"}"#;

    const DONE: &str = r#"@photon {"event":"done","jobs":1}"#;

    fn follow(lines: &[&str]) -> Result<Vec<(String, Report)>, String> {
        follow_jobs(&["a", "b", "c"], lines)
    }

    fn follow_jobs(names: &[&str], lines: &[&str]) -> Result<Vec<(String, Report)>, String> {
        let jobs: Vec<Job> = names
            .iter()
            .map(|name| Job::new(name, Vec::new(), 1))
            .collect();
        let (sender, receiver) = channel();
        lines
            .iter()
            .for_each(|l| sender.send(l.to_string()).unwrap());
        drop(sender);
        let mut session = Session::new(&jobs, Duration::from_secs(1), PathBuf::new());
        let end = session.follow(&receiver, &mut |_| {});
        session.reports(end)
    }

    #[test]
    fn a_finished_session_reports_what_it_heard() {
        let reports = follow_jobs(&["a"], &[INIT, STARTED_A, PASSED_A, DONE]).unwrap();
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].1.status, Status::Pass);
    }

    #[test]
    fn done_without_all_reports_is_no_success() {
        let error = follow(&[INIT, STARTED_A, PASSED_A, DONE]).unwrap_err();
        assert!(error.ends_with("a report of b"), "{error}");
        assert!(follow_jobs(&[], &[INIT, DONE]).unwrap().is_empty());
    }

    #[test]
    fn no_boot_is_no_test_failure() {
        let error = follow(&["Kernel panic - not syncing"]).unwrap_err();
        assert!(
            error.contains("did not boot") && error.contains("Kernel panic"),
            "{error}"
        );
        assert!(follow(&[INIT]).unwrap_err().contains("broke"));
        let broken = r#"@photon {"event":"broken","reason":"no job list"}"#;
        assert!(
            follow(&[INIT, STARTED_A, broken])
                .unwrap_err()
                .contains("no job list")
        );
    }

    #[test]
    fn a_breakpoint_that_was_taken_back_is_the_emulators() {
        let ran = |line: &str| {
            let (sender, receiver) = channel();
            [INIT, STARTED_A, line]
                .iter()
                .for_each(|l| sender.send(l.to_string()).unwrap());
            drop(sender);
            let mut session = Session::new(&[], Duration::from_secs(1), PathBuf::new());
            session.follow(&receiver, &mut |_| {});
            session.ran_stale_code()
        };
        assert!(ran("[    3.1] Oops: int3: 0000 [#1] SMP NOPTI"));
        assert!(!ran("[    3.1] Oops: general protection fault: 0000 [#1]"));
    }

    #[test]
    fn dying_in_a_job_fails_it_and_the_rest() {
        let reports = follow(&[INIT, STARTED_A, PASSED_A, STARTED_B, "Kernel panic"]).unwrap();
        let reasons: Vec<&str> = reports.iter().map(|(_, r)| r.reason.as_str()).collect();
        assert_eq!(reports.len(), 3);
        assert_eq!(reports[0].1.status, Status::Pass);
        assert!(reasons[1].contains("Kernel panic") && reports[1].1.status == Status::Fail);
        assert!(reasons[2].contains("not run") && reports[2].1.status == Status::Fail);
    }
}
