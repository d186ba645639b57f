// SPDX-License-Identifier: GPL-2.0-only
//! One boot: makes the root file system, starts the emulator, follows it to its end.

use crate::artifacts::Artifacts;
use crate::guest::{Job, Report};
use crate::kernel::Kernel;
use crate::paths::{self, Temporary};
use crate::qemu::{Clock, Machine};
use crate::qemu_package::Qemu;
use crate::session::{Seen, Session};
use crate::{acpi, initramfs, leftovers, shell};
use anyhow::{Context, Result, anyhow};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Host time without a line from the guest. It speaks every 5 guest seconds, which take about 15 s of a host CPU
/// at full load; the rest is room for a host that is busy itself: one with a load of 12 on two CPUs took over 120 s.
const SILENCE_LIMIT: Duration = Duration::from_secs(400);
/// From the guest's last line to the end of the emulator.
const POWER_OFF_LIMIT: Duration = Duration::from_secs(20);

/// Boots that may fail by the emulator before what they said counts.
const LOST_BOOTS: usize = 2;

pub struct Vm<'a> {
    /// Unique among boots at the same time; names the log.
    pub name: String,
    pub qemu: &'a Qemu,
    pub kernel: &'a Kernel,
    pub machine: Machine,
    pub artifacts: &'a Artifacts,
    pub jobs: Vec<Job>,
    /// Another root file system than the usual one, which holds nothing but our programs.
    pub root: Option<Vec<u8>>,
    /// How long to wait for a sign of life; probes want an answer sooner.
    pub silence: Duration,
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
            root: None,
            silence: SILENCE_LIMIT,
        }
    }

    /// Reports come in the order of the jobs, one for each.
    pub fn run(&self, show: &mut dyn FnMut(Seen)) -> Result<Vec<(String, Report)>> {
        for _ in 0..LOST_BOOTS {
            let boot = shell::infrastructure(self.boot(show))?;
            if !boot.lost {
                return shell::infrastructure(boot.reports);
            }
            shell::infrastructure(self.keep_log())?;
            show(Seen::Again(
                "once more: the emulator has run code that the kernel had patched",
            ));
        }
        shell::infrastructure(self.boot(show).and_then(|boot| boot.reports))
    }

    fn log(&self) -> Result<PathBuf> {
        Ok(paths::cache("logs")?.join(format!("{}.log", self.name)))
    }

    /// Else the next boot writes it anew.
    fn keep_log(&self) -> Result<()> {
        let log = self.log()?;
        Ok(std::fs::rename(&log, log.with_extension("lost"))?)
    }

    fn boot(&self, show: &mut dyn FnMut(Seen)) -> Result<Ended> {
        // Two developers' boots may have the same name; the files of the moment also carry our process id.
        let stem = format!("{}-{}", self.name, std::process::id());
        let boots = paths::cache("boots")?;
        leftovers::remove(&boots)?;
        let initrd = Temporary(boots.join(format!("{stem}.cpio")));
        // A socket's path may have 107 bytes, which a target directory can exceed.
        let qmp = Temporary(std::env::temp_dir().join(format!("photon-{stem}.qmp")));
        let display = self.machine.display;
        match &self.root {
            Some(root) => std::fs::write(&initrd.0, root)?,
            None => {
                let root = initramfs::build(self.kernel, self.artifacts, display, &self.jobs)?;
                std::fs::write(&initrd.0, root)?;
            }
        }
        let mut command = self
            .machine
            .command(self.qemu, &self.kernel.image, &initrd.0, &qmp.0);
        let table = Temporary(initrd.0.with_extension("aml"));
        if display {
            std::fs::write(&table.0, acpi::frequencies(self.machine.cpus()))?;
            command.arg("-acpitable");
            command.arg(format!("file={}", table.0.display()));
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut emulator = Emulator(command.spawn().with_context(|| shell::words(&command))?);
        let log = self.log()?;
        let lines = emulator.lines(&log)?;
        let mut session = Session::new(&self.jobs, self.silence, qmp.0.clone());
        let end = session.follow(&lines, show);
        if end.is_none() {
            emulator.wait(POWER_OFF_LIMIT);
        }
        drop(emulator);
        let lost = self.machine.clock == Clock::Parallel && session.ran_stale_code();
        let reports = session
            .reports(end)
            .map_err(|what| anyhow!("{}: {what}; log {}", self.name, log.display()));
        Ok(Ended { reports, lost })
    }
}

struct Ended {
    reports: Result<Vec<(String, Report)>>,
    /// By the emulator, so that the reports say nothing of what ran in it.
    lost: bool,
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
