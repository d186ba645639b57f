// SPDX-License-Identifier: GPL-2.0-only
//! One boot: starts the emulator, follows what the guest says, ends with a report for every job or with an
//! infrastructure error. A guest that never came up is the latter; a guest that dies while a job runs is that
//! job's failure, since a scheduler that hangs the machine is what the tests are for.

use crate::artifacts::Artifacts;
use crate::guest::{self, Event, Job, Report, Status};
use crate::kernel::Kernel;
use crate::qemu::Machine;
use crate::qemu_package::Qemu;
use crate::qmp::Qmp;
use crate::{initramfs, paths, shell};
use anyhow::{Context, Result, anyhow};
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Host time without a line from the guest. It speaks every 5 guest seconds, which take about 15 s of a host CPU
/// at full load; the rest is room for a host that is busy itself.
const SILENCE_LIMIT: Duration = Duration::from_secs(120);
/// From the guest's last line to the end of the emulator.
const POWER_OFF_LIMIT: Duration = Duration::from_secs(20);
/// Serial lines kept for an error message.
const TAIL_LINES: usize = 15;

pub struct Vm<'a> {
    /// Unique among boots at the same time; names the log.
    pub name: String,
    pub qemu: &'a Qemu,
    pub kernel: &'a Kernel,
    pub machine: Machine,
    pub artifacts: &'a Artifacts,
    pub jobs: Vec<Job>,
    /// How long to wait for a sign of life; probes want an answer sooner.
    pub silence: Duration,
}

/// What a caller may show while a boot runs.
pub enum Seen<'a> {
    Booted { kernel: &'a str, cpus: usize },
    Text(&'a str),
    Started(&'a str),
}

impl<'a> Vm<'a> {
    pub fn new(
        name: &str,
        qemu: &'a Qemu,
        kernel: &'a Kernel,
        artifacts: &'a Artifacts,
        machine: Machine,
    ) -> Self {
        let name = name.replace(
            |c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-',
            "_",
        );
        Vm {
            name,
            qemu,
            kernel,
            machine,
            artifacts,
            jobs: Vec::new(),
            silence: SILENCE_LIMIT,
        }
    }

    /// Reports come in the order of the jobs, one for each.
    pub fn run(&self, show: &mut dyn FnMut(Seen)) -> Result<Vec<(String, Report)>> {
        shell::infrastructure(self.boot(show))
    }

    fn boot(&self, show: &mut dyn FnMut(Seen)) -> Result<Vec<(String, Report)>> {
        let scratch = paths::cache("boots")?;
        let initrd = scratch.join(format!("{}.cpio", self.name));
        let qmp = scratch.join(format!("{}.qmp", self.name));
        std::fs::write(
            &initrd,
            initramfs::build(self.kernel, self.artifacts, &self.jobs)?,
        )?;
        let mut command = self
            .machine
            .command(self.qemu, &self.kernel.image, &initrd, &qmp);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut emulator = Emulator(command.spawn().with_context(|| shell::words(&command))?);
        let log = paths::cache("logs")?.join(format!("{}.log", self.name));
        let lines = emulator.lines(&log)?;
        let mut session = Session {
            vm: self,
            qmp,
            log,
            tail: VecDeque::new(),
            state: State::default(),
        };
        let end = session.follow(&lines, show);
        if end.is_none() {
            emulator.wait(POWER_OFF_LIMIT);
        }
        drop(emulator);
        std::fs::remove_file(&initrd)?;
        session.reports(end)
    }
}

/// Never outlives us.
struct Emulator(Child);

impl Emulator {
    /// Its serial console and its own complaints, as lines, also written to the log.
    fn lines(&mut self, log: &Path) -> Result<Receiver<String>> {
        let (sender, receiver) = channel();
        let log = File::create(log).with_context(|| log.display().to_string())?;
        let outputs: [Option<Box<dyn std::io::Read + Send>>; 2] = [
            self.0.stdout.take().map(|o| Box::new(o) as _),
            self.0.stderr.take().map(|e| Box::new(e) as _),
        ];
        for output in outputs.into_iter().flatten() {
            let (sender, mut log) = (sender.clone(), log.try_clone()?);
            std::thread::spawn(move || {
                for bytes in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&bytes).trim_end().to_string();
                    // A full disk must not end the boot; the log is for people.
                    let _ = writeln!(log, "{line}");
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(receiver)
    }

    fn wait(&mut self, limit: Duration) {
        let begin = Instant::now();
        while begin.elapsed() < limit && !matches!(self.0.try_wait(), Ok(Some(_))) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Default)]
struct State {
    booted: bool,
    running: Option<String>,
    reports: Vec<(String, Report)>,
    broken: Option<String>,
    done: bool,
}

struct Session<'a> {
    vm: &'a Vm<'a>,
    qmp: PathBuf,
    log: PathBuf,
    tail: VecDeque<String>,
    state: State,
}

impl Session<'_> {
    /// Follows the guest to its end. None if it ended as it should, else what happened.
    fn follow(&mut self, lines: &Receiver<String>, show: &mut dyn FnMut(Seen)) -> Option<String> {
        loop {
            let line = match lines.recv_timeout(self.vm.silence) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    return Some(format!("silent for {:?}", self.vm.silence));
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
                let socket = self.qmp.clone();
                // On its own thread: the guest goes on talking while it receives.
                std::thread::spawn(move || {
                    let sent = Qmp::connect(&socket)
                        .and_then(|mut q| q.send_reports(kind, reports, gap_ms));
                    if let Err(e) = sent {
                        eprintln!("xtask: input through the emulator: {e:#}");
                    }
                });
            }
        }
    }

    fn reports(self, end: Option<String>) -> Result<Vec<(String, Report)>> {
        let State {
            booted,
            running,
            mut reports,
            broken,
            ..
        } = self.state;
        let Some(end) = end else { return Ok(reports) };
        let tail: Vec<String> = self.tail.into();
        if !booted || broken.is_some() || running.is_none() {
            let what = if booted {
                "the guest broke"
            } else {
                "the guest did not boot"
            };
            let last = tail.join("\n  ");
            return Err(anyhow!(
                "{}: {what}: {end}; log {}; last lines:\n  {last}",
                self.vm.name,
                self.log.display()
            ));
        }
        let running = running.unwrap_or_default();
        let last = tail.last().cloned().unwrap_or_default();
        for job in self.vm.jobs.iter().skip(reports.len()) {
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
            show_lost(&job.name);
            reports.push((job.name.clone(), report));
        }
        Ok(reports)
    }
}

fn show_lost(job: &str) {
    eprintln!("xtask: no result from {job}");
}
