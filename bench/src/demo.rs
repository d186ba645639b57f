// SPDX-License-Identifier: GPL-2.0-only
//! First light: a mouse, a small frame loop and hogs, in one process and for a few seconds. It
//! shows that a scheduler lives; `run` is what judges one.

use crate::burn::{Burner, Window};
use crate::gate::Gate;
use crate::quantile::{quantile, sorted};
use crate::queue::Queue;
use crate::sys::clock::{NS_PER_MS, NS_PER_SEC, NS_PER_US, mono_ns};
use crate::sys::fd::TimerFd;
use crate::sys::sched::{self, INTERRUPT, NORMAL};
use crate::sys::signal::interrupted;
use crate::sys::uinput::{Mouse, Reader};
use crate::team::Team;
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

const INPUT_PERIOD_NS: u64 = NS_PER_MS;
const FRAME_PERIOD_NS: u64 = NS_PER_SEC / 60;
const GAME_NS: u64 = 4 * NS_PER_MS;
const RENDER_NS: u64 = 3 * NS_PER_MS;
const WORKERS: u32 = 2;
const WORKER_NS: u64 = NS_PER_MS;
const HOGS_PER_CPU: usize = 3;
/// Threads start and the device settles before the first sample.
const SETTLE_NS: u64 = 300 * NS_PER_MS;

#[derive(Debug, Serialize)]
pub struct InputSummary {
    pub count: usize,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub max: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct FrameSummary {
    pub frames: usize,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

#[derive(Debug, Serialize)]
pub struct DemoReport {
    /// `uinput`, or `timer` where there is no uinput.
    pub input_source: &'static str,
    /// Time stamp of the report to return of the read, microseconds.
    pub input_us: InputSummary,
    /// Vsync to end of render, milliseconds.
    pub frame_ms: FrameSummary,
    /// CPU seconds burnt inside the window.
    pub work: BTreeMap<&'static str, f64>,
}

impl DemoReport {
    /// For people.
    pub fn table(&self) -> String {
        let show = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{v:.3}"));
        let (input, frame) = (&self.input_us, &self.frame_ms);
        let row = |name: &str, count: usize, values: [Option<f64>; 4]| {
            let [p50, p99, p999, max] = values.map(show);
            format!("{name:<16}{count:>10}{p50:>10}{p99:>10}{p999:>10}{max:>10}\n")
        };
        let mut text = format!("input source {}\n{:<16}", self.input_source, "");
        for title in ["count", "p50", "p99", "p99.9", "max"] {
            text += &format!("{title:>10}");
        }
        text += "\n";
        let values = [input.p50, input.p99, input.p999, input.max];
        text += &row("input wake, us", input.count, values);
        let values = [frame.p50, frame.p99, None, frame.max];
        text += &row("frame, ms", frame.frames, values);
        for (class, seconds) in &self.work {
            text += &format!("{class:<16}{seconds:>10.3} CPU seconds\n");
        }
        text
    }
}

/// What a thread of the demo brings home, in nanoseconds.
enum Sample {
    Nothing,
    Input(Vec<u64>),
    Frames(Vec<u64>),
    Work(u64),
}

#[derive(Default)]
struct FrameSync {
    jobs: Gate,
    joined: Gate,
    /// Vsync of every frame handed to the render thread.
    frames: Queue<u64>,
}

/// Run the demo for `seconds` and take everything down again.
pub fn run(seconds: f64) -> Result<DemoReport> {
    let from_ns = mono_ns() + SETTLE_NS;
    let to_ns = from_ns + (seconds * NS_PER_SEC as f64) as u64;
    let window = Window {
        from_ns,
        to_ns,
        stop_ns: to_ns,
    };
    let mut team = Team::new()?;
    let mouse = spawn_input(&mut team, window)?;
    spawn_frames(&mut team, window)?;
    for i in 0..sched::cpus() * HOGS_PER_CPU {
        let hog = move || {
            let mut burner = Burner::new(window);
            burner.burn_to_end();
            Ok(Sample::Work(burner.cpu_ns))
        };
        team.spawn(&format!("hog-{i}"), "hog", NORMAL, hog)?;
    }
    interrupted(crate::sys::clock::sleep_until(window.to_ns))?;
    let samples = team.join()?.into_iter().map(|(_, s)| s).collect();
    let input_source = if mouse.is_some() { "uinput" } else { "timer" };
    Ok(summarise(input_source, samples))
}

/// The virtual mouse, for as long as anybody reads it: one that goes with its own thread, at the same moment as the
/// reader's last read begins, fails that with "No such device".
fn spawn_input(team: &mut Team<Sample>, window: Window) -> Result<Option<Arc<Mouse>>> {
    match Mouse::new("photon-bench mouse") {
        Ok(mouse) => {
            let mouse = Arc::new(mouse);
            let moved = Arc::clone(&mouse);
            let reader = Reader::open(mouse.node())?;
            team.spawn("reader", "input-reader", NORMAL, move || {
                read_mouse(&reader, window)
            })?;
            team.spawn("mouse", "hw-mouse", INTERRUPT, move || {
                inject(&moved, window)
            })?;
            Ok(Some(mouse))
        }
        Err(e) => {
            eprintln!("photon-bench: no virtual mouse, a 1 kHz timer instead: {e:#}");
            team.spawn("reader", "input-reader", NORMAL, move || read_timer(window))?;
            Ok(None)
        }
    }
}

fn inject(mouse: &Mouse, window: Window) -> Result<Sample> {
    let timer = TimerFd::new()?;
    timer.arm(window.from_ns, INPUT_PERIOD_NS)?;
    while !window.over(mono_ns()) {
        if interrupted(timer.wait())?.is_some() {
            mouse.report()?;
        }
    }
    Ok(Sample::Nothing)
}

fn read_mouse(reader: &Reader, window: Window) -> Result<Sample> {
    let mut delays = Vec::new();
    let mut stamps = Vec::new();
    while !window.over(mono_ns()) {
        stamps.clear();
        let got = interrupted(reader.read(|stamp| stamps.push(stamp)))?;
        let now = mono_ns();
        if got.is_some() && window.contains(now) {
            delays.extend(stamps.iter().map(|s| now.saturating_sub(*s)));
        }
    }
    Ok(Sample::Input(delays))
}

fn read_timer(window: Window) -> Result<Sample> {
    let timer = TimerFd::new()?;
    timer.arm(window.from_ns, INPUT_PERIOD_NS)?;
    let (mut delays, mut due) = (Vec::new(), window.from_ns);
    while !window.over(mono_ns()) {
        if let Some(expiries) = interrupted(timer.wait())? {
            let now = mono_ns();
            // Several expiries at once are several reports, each with its own delay.
            for _ in 0..expiries {
                delays.push(now.saturating_sub(due));
                due += INPUT_PERIOD_NS;
            }
        }
    }
    Ok(Sample::Input(delays))
}

fn spawn_frames(team: &mut Team<Sample>, window: Window) -> Result<()> {
    let sync = Arc::new(FrameSync::default());
    for i in 0..WORKERS {
        let sync = Arc::clone(&sync);
        let body = move || {
            let mut burner = Burner::new(window);
            while !window.over(mono_ns()) {
                if interrupted(sync.jobs.take())?.is_some() {
                    burner.burn(WORKER_NS);
                    sync.joined.post(1);
                }
            }
            Ok(Sample::Nothing)
        };
        team.spawn(&format!("worker-{i}"), "Worker", NORMAL, body)?;
    }
    let (game, render) = (Arc::clone(&sync), sync);
    team.spawn("game", "GameThread", NORMAL, move || {
        game_thread(&game, window)
    })?;
    team.spawn("render", "RenderThread", NORMAL, move || {
        render_thread(&render, window)
    })
}

fn game_thread(sync: &FrameSync, window: Window) -> Result<Sample> {
    let timer = TimerFd::new()?;
    timer.arm(window.from_ns, FRAME_PERIOD_NS)?;
    let mut burner = Burner::new(window);
    let mut next_vsync = window.from_ns;
    while !window.over(mono_ns()) {
        let Some(expiries) = interrupted(timer.wait())? else {
            continue;
        };
        // A late game thread takes the newest vsync: the missed ones were dropped.
        next_vsync += expiries * FRAME_PERIOD_NS;
        burner.burn(GAME_NS / 2);
        sync.jobs.post(WORKERS);
        for _ in 0..WORKERS {
            if interrupted(sync.joined.take())?.is_none() {
                return Ok(Sample::Nothing);
            }
        }
        burner.burn(GAME_NS / 2);
        sync.frames.push(next_vsync - FRAME_PERIOD_NS)?;
    }
    Ok(Sample::Nothing)
}

fn render_thread(sync: &FrameSync, window: Window) -> Result<Sample> {
    let mut burner = Burner::new(window);
    let mut frames = Vec::new();
    while !window.over(mono_ns()) {
        let Some(vsync) = interrupted(sync.frames.pop())? else {
            continue;
        };
        burner.burn(RENDER_NS);
        frames.push(mono_ns() - vsync);
    }
    Ok(Sample::Frames(frames))
}

fn summarise(input_source: &'static str, samples: Vec<Sample>) -> DemoReport {
    let (mut input, mut frames, mut work) = (Vec::new(), Vec::new(), 0.0);
    for sample in samples {
        match sample {
            Sample::Nothing => (),
            Sample::Input(ns) => input.extend(ns.iter().map(|n| *n as f64 / NS_PER_US as f64)),
            Sample::Frames(ns) => frames.extend(ns.iter().map(|n| *n as f64 / NS_PER_MS as f64)),
            Sample::Work(ns) => work += ns as f64 / NS_PER_SEC as f64,
        }
    }
    let (input, frames) = (sorted(input), sorted(frames));
    DemoReport {
        input_source,
        input_us: InputSummary {
            count: input.len(),
            p50: quantile(&input, 0.5),
            p99: quantile(&input, 0.99),
            p999: quantile(&input, 0.999),
            max: input.last().copied(),
        },
        frame_ms: FrameSummary {
            frames: frames.len(),
            p50: quantile(&frames, 0.5),
            p99: quantile(&frames, 0.99),
            max: frames.last().copied(),
        },
        work: BTreeMap::from([("hogs", work)]),
    }
}
