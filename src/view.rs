// SPDX-License-Identifier: GPL-2.0-only
//! Everything there is to see at one moment: what `top` draws, what `record`
//! writes and what the metrics are made of.

use serde::{Deserialize, Serialize};

use crate::bpf::intf;
use crate::model::Sample;
use crate::why::{Report, Why, process_name};

/// Frames of the frame-time line; as many as a wide terminal has columns.
const FRAMES: usize = 240;
/// Of all stutters the last ones; `why` has the rest, and their number is told all the same.
const STUTTERS: usize = 20;
/// Processes shown.
const PROCESSES: usize = 8;
/// The window of `why/watch.rs`.
const WINDOW_S: f64 = 2.0;
const NS_PER_SEC: f64 = 1e9;

/// The names of the classes, indexed by `enum task_class`.
pub const CLASSES: [&str; intf::task_class_NR_CLASSES as usize] =
    ["-", "input", "kernel", "frame", "game", "fair", "batch"];

/// What a CPU runs now.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Cpu {
    pub cpu: usize,
    /// `-`: idle, or a real-time task.
    pub class: String,
    /// Since when, us; 0 where who asks may not know.
    pub ran_us: u64,
    /// Until the deadline of what runs, us; negative when it has passed. 0 where who asks may not know.
    pub due_us: i64,
    /// The hint of the scheduler's own mask.
    pub idle: bool,
}

/// A process with frame threads.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct Process {
    pub pid: u32,
    pub name: String,
    /// Wakeups by sources, a second.
    pub beginnings: f64,
    /// CPU of its frame threads in percent of one; a lower bound for all but the
    /// watched one, of which every turn is seen.
    pub cpu_percent: f64,
    pub watched: bool,
}

/// What a recording or a daemon of an earlier version lacks is at its default, here and in all that it holds.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
#[serde(default)]
pub struct View {
    pub version: String,
    pub kernel: String,
    /// The daemon's command line, without its name.
    pub flags: Vec<String>,
    pub uptime_s: f64,
    pub input_probe: bool,
    pub sample: Sample,
    pub cpus: Vec<Cpu>,
    pub processes: Vec<Process>,
    /// Intervals of the last frames, ms, oldest first.
    pub frames: Vec<f32>,
    pub why: Report,
}

impl View {
    /// What of a CPU might tell when keys are pressed. Times, too: the deadline of an input reader is an early one, and a
    /// CPU that idles has those of what ran there last. What is hidden looks like what is not, so both lose them.
    pub fn hide_input(&mut self) {
        let [none, input, _, frame, ..] = CLASSES;
        for cpu in &mut self.cpus {
            if cpu.class == input {
                cpu.class = frame.to_string();
            }
            if [none, frame].contains(&cpu.class.as_str()) {
                (cpu.ran_us, cpu.due_us) = (0, 0);
            }
        }
    }

    /// Adds what the forensics know.
    pub fn add_why(&mut self, why: &Why) {
        self.why = why.report();
        let surplus = self.why.stutters.len().saturating_sub(STUTTERS);
        self.why.stutters.drain(..surplus);
        self.frames = why.last_frames(FRAMES);
        let mut processes: Vec<Process> = why
            .watch
            .last
            .iter()
            .map(|(pid, a)| Process {
                pid: *pid,
                name: String::new(),
                beginnings: f64::from(a.beginnings) / WINDOW_S,
                cpu_percent: a.used_ns as f64 / NS_PER_SEC / WINDOW_S * 100.0,
                watched: *pid == why.watch.tgid,
            })
            .collect();
        processes.sort_by(|a, b| b.cpu_percent.total_cmp(&a.cpu_percent));
        processes.truncate(PROCESSES);
        for p in &mut processes {
            p.name = process_name(p.pid);
        }
        // Who has no name has ended since.
        processes.retain(|p| !p.name.is_empty());
        self.processes = processes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::why::text::summary;

    /// Once a view with 300 of them said that there were 20: in `metrics`, and at the end of `replay`.
    #[test]
    fn stutters_that_are_not_told_are_counted() {
        const REMEMBERED: usize = 3 * STUTTERS;
        let why = Why::with_stutters(REMEMBERED);
        let mut view = View::default();
        view.add_why(&why);
        assert_eq!(view.why.stutters.len(), STUTTERS);
        assert_eq!(view.why.remembered(), REMEMBERED);
        let text = crate::metrics::text(&view).expect("encodes");
        let line = format!("scx_photon_stutters_remembered {REMEMBERED}\n");
        assert!(text.contains(&line), "{text}");
        view.why.tgid = 1;
        let sum = summary(&view.why);
        let end = format!("{REMEMBERED} stutters: long work {REMEMBERED}");
        assert!(sum.ends_with(&end), "{sum}");
        // As in a recording of 0.1.0.
        view.why.causes.clear();
        assert_eq!(view.why.remembered(), STUTTERS);
    }

    #[test]
    fn an_input_reader_looks_like_a_frame() {
        let cpu = |class: &str, ran_us, due_us| Cpu {
            cpu: 3,
            class: class.into(),
            ran_us,
            due_us,
            idle: false,
        };
        let hidden = |cpu| {
            let mut view = View {
                cpus: vec![cpu],
                ..View::default()
            };
            view.hide_input();
            view.cpus.remove(0)
        };
        assert_eq!(
            hidden(cpu("input", 12, 300)),
            hidden(cpu("frame", 900, -40))
        );
        assert_eq!(hidden(cpu("frame", 900, -40)).class, "frame");
        // Idle, behind either of them.
        assert_eq!(hidden(cpu("-", 12, 300)), hidden(cpu("-", 900, -40)));
        let fair = cpu("fair", 900, -40);
        assert_eq!(hidden(fair.clone()), fair);
    }
}
