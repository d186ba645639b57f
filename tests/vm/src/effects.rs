// SPDX-License-Identifier: GPL-2.0-only
//! What tunables do where nobody plays a game: each is set low and high beside the same load, and a counter must move in
//! the direction that the help says.

use crate::device::{Device, KINDS};
use crate::load::{Load, Worker, burn};
use crate::oneshot::{self, Ended};
use crate::photon::Photon;
use crate::sample::Sample;
use crate::scenario::{Ctx, Fail};
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::{Policy, cpus, set_policy};
use serde_json::Value;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Not root, and nobody in particular.
pub const USER: u32 = 1000;
const MEASURE: Duration = Duration::from_millis(200);
const REPORTS: u64 = 60;
const REPORT: Duration = Duration::from_millis(2);
/// A reader has seen its reports by then: the kernel drops one that changes nothing.
const REPORTS_MAX: i32 = 3 * REPORTS as i32;
const FRAME: Duration = Duration::from_millis(5);
/// Above the least budget of a frame, below the shipped one; four of them are less than the CPUs have in a frame.
const LONG_LINK_NS: u64 = 3 * NS_PER_MS;
/// By how much a measure must grow, at least. The least that was seen is 50 percent.
const GROWTH_PERCENT: u64 = 20;

/// A running daemon and the way to it.
pub struct Daemon<'c> {
    pub ctx: &'c Ctx,
    pub photon: Photon,
}

impl Daemon<'_> {
    pub fn ask(&self, arguments: &[&str], user: u32) -> Result<Ended, Fail> {
        let mut command = Command::new(&self.ctx.scx_photon);
        oneshot::run(command.arg("set").args(arguments).uid(user))
    }

    pub fn set(&self, assignments: &[&str]) -> Result<(), Fail> {
        let ended = self.ask(assignments, 0)?;
        match ended.code {
            Some(0) => Ok(()),
            _ => Err(Fail::failed(format!("set {assignments:?}: {ended:?}"))),
        }
    }

    fn value(&self, name: &str) -> Result<u64, Fail> {
        let ended = self.ask(&["--json"], USER)?;
        let values: Value = serde_json::from_str(&ended.stdout)
            .map_err(|e| Fail::failed(format!("{e}: {ended:?}")))?;
        let value = values[name].as_u64();
        value.ok_or_else(|| Fail::failed(format!("{name} is not in {values}")))
    }

    pub fn is(&self, name: &str, wanted: u64) -> Result<(), Fail> {
        match self.value(name)? {
            value if value == wanted => Ok(()),
            value => Err(Fail::failed(format!("{name} is {value}, not {wanted}"))),
        }
    }

    /// By how much counters move while `load` runs.
    pub fn counted(
        &self,
        names: &[&str],
        load: impl FnOnce() -> Result<(), Fail>,
    ) -> Result<u64, Fail> {
        let sum = |sample: &Sample| {
            names
                .iter()
                .try_fold(0, |n, name| Ok::<_, Fail>(n + sample.counter(name)?))
        };
        let before = sum(&Sample::settled(&self.photon)?)?;
        load()?;
        Ok(sum(&Sample::settled(&self.photon)?)? - before)
    }

    /// A measure under a low and a high value; the default comes back.
    pub fn both(
        &self,
        name: &str,
        values: [u64; 2],
        measure: impl Fn() -> Result<u64, Fail>,
    ) -> Result<[u64; 2], Fail> {
        let mut seen = [0; 2];
        for (value, seen) in values.iter().zip(&mut seen) {
            self.set(&[&format!("{name}={value}")])?;
            *seen = measure()?;
        }
        self.set(&[&format!("{name}=reset")])?;
        Ok(seen)
    }
}

type Effect = fn(&Daemon<'_>) -> Result<[u64; 2], Fail>;

pub const EFFECTS: [(&str, Effect); 10] = [
    ("slice_us", slice),
    ("chain_depth", depth),
    ("frame_window_us", frame_window),
    ("frame_budget_us", frame_budget),
    ("preempt_margin_us", preempt_margin),
    ("input_window_us", |d| {
        window(d, "input_window_us", "tablet")
    }),
    ("mouse_window_us", |d| window(d, "mouse_window_us", "mouse")),
    ("keyboard_window_us", |d| {
        window(d, "keyboard_window_us", "keyboard")
    }),
    ("pad_window_us", |d| window(d, "pad_window_us", "pad")),
    ("touch_window_us", |d| window(d, "touch_window_us", "touch")),
];

pub fn grows(seen: [u64; 2]) -> Result<[u64; 2], Fail> {
    match 100 * seen[1] >= (100 + GROWTH_PERCENT) * seen[0].max(5) {
        true => Ok(seen),
        false => Err(Fail::failed(format!("low and high: {seen:?}"))),
    }
}

pub fn shrinks(seen: [u64; 2]) -> Result<[u64; 2], Fail> {
    grows([seen[1], seen[0]])?;
    Ok(seen)
}

/// Shorter slices, more of them.
fn slice(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    let hogs = || {
        let load = Load::start(&vec![Worker::hog("hog"); 2 * cpus()])?;
        std::thread::sleep(MEASURE);
        load.finish().map(drop)
    };
    shrinks(daemon.both("slice_us", [500, 20_000], || {
        daemon.counted(&["requeue_expired"], hogs)
    })?)
}

/// From a real-time thread through four others, each of which works for so long.
fn relay(work_ns: u64) -> Result<(), Fail> {
    const HANDS: usize = 4;
    let (first, mut before) = channel::<()>();
    let mut threads = Vec::new();
    for _ in 0..HANDS {
        let (next, after) = channel();
        let from = std::mem::replace(&mut before, after);
        // Nobody may be left at the end of the relay.
        threads.push(std::thread::spawn(move || {
            while from.recv().is_ok() {
                if work_ns > 0 {
                    burn(work_ns);
                }
                let _ = next.send(());
            }
        }));
    }
    let source = std::thread::spawn(move || {
        let begin = Instant::now();
        while set_policy(Policy::Fifo(1)).is_ok()
            && begin.elapsed() < MEASURE
            && first.send(()).is_ok()
        {
            std::thread::sleep(FRAME);
        }
    });
    threads.push(source);
    for thread in threads {
        thread
            .join()
            .map_err(|_| Fail::failed("a thread of the relay panicked"))?;
    }
    drop(before);
    Ok(())
}

fn depth(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    grows(daemon.both("chain_depth", [1, 32], || {
        daemon.counted(&["wake_chain"], || relay(0))
    })?)
}

fn frame_window(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    grows(daemon.both("frame_window_us", [0, 20_000], || {
        daemon.counted(&["wake_chain"], || relay(0))
    })?)
}

/// Who needs more than the budget on average is no frame task at its next wakeup.
fn frame_budget(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    grows(daemon.both("frame_budget_us", [1000, 50_000], || {
        daemon.counted(&["class_frame"], || relay(LONG_LINK_NS))
    })?)
}

/// How often the relay drives hogs off their CPUs.
fn preemptions(daemon: &Daemon<'_>) -> Result<u64, Fail> {
    let names = ["preempt_prev", "preempt_this", "preempt_other"];
    let load = Load::start(&vec![Worker::hog("hog"); 2 * cpus()])?;
    let seen = daemon.counted(&names, || relay(0))?;
    load.finish()?;
    Ok(seen)
}

/// Hogs whose deadlines are no later than the margin after the frames' are left alone.
fn preempt_margin(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    daemon.set(&["fair_deadline_us=10000"])?;
    let seen = daemon.both("preempt_margin_us", [0, 20_000], || preemptions(daemon))?;
    daemon.set(&["fair_deadline_us=reset"])?;
    shrinks(seen)
}

/// Reports of a device that a reader waits for.
fn window(daemon: &Daemon<'_>, name: &str, class: &str) -> Result<[u64; 2], Fail> {
    let kind = KINDS.iter().find(|k| k.class == class);
    let kind = kind.ok_or_else(|| Fail::failed(format!("no device is a {class}")))?;
    let device = Device::new(kind)?;
    let reader = device.reader()?;
    let play = || {
        std::thread::scope(|scope| {
            let reading =
                scope.spawn(|| (0..REPORTS).try_for_each(|_| reader.read(|_| ()).map(drop)));
            for n in 0..REPORTS_MAX {
                std::thread::sleep(REPORT);
                // Alternating, because the kernel drops what changes nothing.
                device.report(n % 2)?;
                if reading.is_finished() {
                    break;
                }
            }
            Ok(())
        })
    };
    grows(daemon.both(name, [0, 8000], || daemon.counted(&["class_input"], play))?)
}
