// SPDX-License-Identifier: GPL-2.0-only
//! One cell of the bench: a profile, its backgrounds and a seed, run once. Each process of the
//! desktop is forked before any thread exists, and sends what it noticed when all is over.

use crate::background::Background;
use crate::burn::Window;
use crate::cgroup::Cgroup;
use crate::crew::{Compositor, Ctx, ThreadReport};
use crate::roles::wiring::Wiring;
use crate::roles::{audio, desktop, extras, game, hardware, wine};
use crate::scenario::Scenario;
use crate::sockets::{ANSWER_MAX, REGISTERED, REGISTRATION};
use crate::sys::clock::{NS_PER_MS, NS_PER_SEC, mono_ns, sleep_until};
use crate::sys::signal::interrupted;
use crate::sys::{process, sched, signal};
use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// From the first fork to vblank 0: every process has its threads by then.
pub const START_LEAD_NS: u64 = 300 * NS_PER_MS;
/// From the end of the window to the stop: a frame that began in the window can still end.
const TAIL_NS: u64 = 250 * NS_PER_MS;
/// A window shorter than the lead of the kernel counters' snapshot would have no beginning.
const MIN_SETTLE_SECONDS: f64 = 0.1;

/// What to run.
#[derive(Clone, Debug)]
pub struct CellSpec {
    pub scenario: Scenario,
    pub backgrounds: Vec<Background>,
    pub seed: u64,
    pub seconds: f64,
    pub settle: f64,
    pub rename: Option<String>,
    pub cgroup: Option<String>,
    pub registered: bool,
    pub compositor: Compositor,
}

/// One process of the cell.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProcessReport {
    pub name: String,
    pub threads: Vec<ThreadReport>,
}

/// Everything that was noticed, before any metric.
#[derive(Clone, Debug)]
pub struct RawCell {
    pub ctx: Ctx,
    pub input_source: &'static str,
    pub processes: Vec<ProcessReport>,
    /// What the run changed on this machine and put back.
    pub changed: Vec<String>,
}

impl RawCell {
    pub fn threads(&self) -> impl Iterator<Item = (&str, &ThreadReport)> {
        self.processes
            .iter()
            .flat_map(|p| p.threads.iter().map(move |t| (p.name.as_str(), t)))
    }

    /// A named list of a thread of the desktop or the game.
    pub fn series(&self, role: &str, name: &str) -> &[[u64; 2]] {
        self.threads()
            .find(|(_, t)| t.role == role)
            .and_then(|(_, t)| t.out.series.get(name))
            .map_or(&[], Vec::as_slice)
    }
}

struct Child {
    name: String,
    pid: i32,
    pipe: OwnedFd,
}

/// Children of the cell; those still there when it is dropped are killed.
struct Children(Vec<Child>);

impl Children {
    fn start(
        &mut self,
        name: &str,
        body: impl FnOnce() -> Result<Vec<ThreadReport>>,
    ) -> Result<i32> {
        let (reader, writer) = process::pipe()?;
        let child = || match tell(&writer, body()) {
            Ok(()) => 0,
            Err(_) => 1,
        };
        // SAFETY: `run` has looked, and a cell starts its children before any thread of its own.
        let pid = unsafe { process::fork(child) }.with_context(|| format!("fork {name}"))?;
        self.0.push(Child {
            name: name.to_string(),
            pid,
            pipe: reader,
        });
        Ok(pid)
    }

    fn collect(&mut self) -> Result<Vec<ProcessReport>> {
        let mut reports = Vec::new();
        while !self.0.is_empty() {
            let child = self.0.remove(0);
            let mut text = String::new();
            let read = File::from(child.pipe).read_to_string(&mut text);
            let (_, code) = process::wait(child.pid)?;
            read.with_context(|| format!("the report of {}", child.name))?;
            if text.is_empty() {
                bail!("{} ended with {code} and without a report", child.name);
            }
            let answer: Result<Vec<ThreadReport>, String> = serde_json::from_str(&text)?;
            let threads = answer.map_err(|e| anyhow!("{}: {e}", child.name))?;
            reports.push(ProcessReport {
                name: child.name,
                threads,
            });
        }
        Ok(reports)
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &self.0 {
            process::kill(child.pid);
            // Its end is all that matters now.
            let _ = process::wait(child.pid);
        }
    }
}

fn tell(pipe: &OwnedFd, report: Result<Vec<ThreadReport>>) -> Result<()> {
    let answer = report.map_err(|e| format!("{e:#}"));
    let mut file = File::from(pipe.try_clone()?);
    file.write_all(serde_json::to_string(&answer)?.as_bytes())?;
    Ok(())
}

/// Run the cell. An error in a process that has more threads than this one.
pub fn run(spec: &CellSpec) -> Result<RawCell> {
    if !(spec.seconds > 0.0 && spec.settle >= MIN_SETTLE_SECONDS) {
        bail!("seconds must be above zero and settle at least {MIN_SETTLE_SECONDS}");
    }
    if process::threads()? != 1 {
        bail!("a cell forks, and this process has several threads");
    }
    // From here on there is something to put back.
    signal::install_stop()?;
    let wiring = Arc::new(Wiring::new(&spec.scenario)?);
    let cgroup = spec.cgroup.as_deref().map(Cgroup::create).transpose()?;
    let ctx = context(spec);
    let mut children = Children(Vec::new());
    start_all(spec, &ctx, &wiring, cgroup.as_ref(), &mut children)?;
    if signal::stop_requested() || interrupted(sleep_until(ctx.window.stop_ns))?.is_none() {
        bail!("interrupted");
    }
    let processes = children.collect()?;
    Ok(RawCell {
        input_source: wiring.input.name(),
        processes,
        changed: changes(&wiring, cgroup.as_ref()),
        ctx,
    })
}

fn context(spec: &CellSpec) -> Ctx {
    let ns = |seconds: f64| (seconds * NS_PER_SEC as f64) as u64;
    let t0_ns = mono_ns() + START_LEAD_NS;
    let from_ns = t0_ns + ns(spec.settle);
    let to_ns = from_ns + ns(spec.seconds);
    Ctx {
        scenario: Arc::new(spec.scenario.clone()),
        seed: spec.seed,
        cpus: sched::cpus(),
        t0_ns,
        window: Window {
            from_ns,
            to_ns,
            stop_ns: to_ns + TAIL_NS,
        },
        rename: spec.rename.clone(),
        compositor: spec.compositor,
    }
}

fn start_all(
    spec: &CellSpec,
    ctx: &Ctx,
    wiring: &Arc<Wiring>,
    cgroup: Option<&Cgroup>,
    children: &mut Children,
) -> Result<()> {
    children.start("hardware", || hardware::run(ctx, wiring))?;
    children.start("desktop", || desktop::run(ctx, wiring))?;
    children.start("pipewire", || audio::run(ctx, wiring))?;
    children.start("launcher", || extras::launcher(ctx))?;
    let mut game = vec![];
    if let Some(wine) = &spec.scenario.wine {
        game.push(children.start("wineserver", || wine::run(ctx, wiring, wine))?);
    }
    game.push(children.start("game", || {
        if spec.registered {
            register()?;
        }
        game::run(ctx, wiring)
    })?);
    for (cgroup, pid) in game.iter().flat_map(|pid| cgroup.map(|c| (c, *pid))) {
        cgroup.add(pid)?;
    }
    for background in &spec.backgrounds {
        children.start(&format!("bg:{}", background.name()), || background.run(ctx))?;
    }
    Ok(())
}

/// What `scx_photon run` does before it becomes the game. The kernel vouches for who
/// connects; the answer says that the scheduler knows.
fn register() -> Result<()> {
    let mut stream = UnixStream::connect(REGISTRATION).context("no scx_photon listens")?;
    let mut answer = [0; ANSWER_MAX];
    let n = stream.read(&mut answer)?;
    match &answer[..n] == REGISTERED {
        true => Ok(()),
        false => bail!("scx_photon takes no more games"),
    }
}

fn changes(wiring: &Wiring, cgroup: Option<&Cgroup>) -> Vec<String> {
    let mut changed = cgroup.map_or_else(Vec::new, Cgroup::changes);
    if wiring.loopback_changed {
        changed.push("brought the loopback interface up and down again".to_string());
    }
    if wiring.input.name() == "uinput" {
        changed.push("created and removed a virtual mouse".to_string());
    }
    changed
}
