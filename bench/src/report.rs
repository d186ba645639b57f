// SPDX-License-Identifier: GPL-2.0-only
//! A run as JSON, as a table, and as a MangoHud log.

use crate::cell::{CellSpec, RawCell};
use crate::crew::Compositor;
use crate::metrics::cell::{Frame, Metrics, evaluate, frames_of};
use crate::metrics::definitions::METRICS;
use crate::metrics::groups::{Class, Role, classes, roles};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::read_to_string;

/// Raised when a reader of the JSON would have to change.
pub const SCHEMA: u32 = 1;
const NS_PER_US: i64 = 1000;

/// Frames as columns, microseconds from the begin of the window; `null` did not happen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FrameColumns {
    pub number: Vec<u64>,
    pub vsync_us: Vec<i64>,
    pub ideal_us: Vec<i64>,
    pub start_us: Vec<Option<i64>>,
    pub game_end_us: Vec<Option<i64>>,
    pub render_start_us: Vec<Option<i64>>,
    pub render_end_us: Vec<Option<i64>>,
    pub submit_us: Vec<Option<i64>>,
    pub present_us: Vec<Option<i64>>,
    pub display_us: Vec<Option<i64>>,
    pub input_us: Vec<Option<i64>>,
}

/// The scheduler the kernel names, at the begin and at the end; `None` is the kernel's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Scheduler {
    pub before: Option<String>,
    pub after: Option<String>,
}

/// The sched_ext scheduler attached now.
pub fn attached() -> Option<String> {
    let ops = read_to_string("/sys/kernel/sched_ext/root/ops").ok()?;
    Some(ops.trim().to_string())
}

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub schema: u32,
    pub profile: String,
    pub background: String,
    pub seed: u64,
    pub seconds: f64,
    pub settle: f64,
    pub rename: Option<String>,
    pub cgroup: Option<String>,
    pub compositor: Compositor,
    pub cpus: usize,
    pub kernel: String,
    pub scheduler: Scheduler,
    pub input_source: &'static str,
    /// What the run changed on this machine and put back.
    pub changed: Vec<String>,
    pub metrics: Metrics,
    pub roles: BTreeMap<String, Role>,
    pub backgrounds: BTreeMap<String, Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<FrameColumns>,
}

impl Report {
    pub fn new(spec: &CellSpec, background: &str, raw: &RawCell, scheduler: Scheduler) -> Self {
        let frames = frames_of(raw);
        let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            schema: SCHEMA,
            profile: spec.scenario.name.clone(),
            background: background.to_string(),
            seed: spec.seed,
            seconds: spec.seconds,
            settle: spec.settle,
            rename: spec.rename.clone(),
            cgroup: spec.cgroup.clone(),
            compositor: spec.compositor,
            cpus: raw.ctx.cpus,
            kernel: kernel.trim().to_string(),
            scheduler,
            input_source: raw.input_source,
            changed: raw.changed.clone(),
            metrics: evaluate(raw, &frames),
            roles: roles(raw),
            backgrounds: classes(raw),
            frames: Some(columns(&frames, raw.ctx.window.from_ns)),
        }
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{} beside {}, seed {}, {} s, {} CPUs, kernel {}, scheduler {}, input by {}\n",
            self.profile,
            self.background,
            self.seed,
            self.seconds,
            self.cpus,
            self.kernel,
            self.scheduler.after.as_deref().unwrap_or("of the kernel"),
            self.input_source
        );
        // Writing to a string cannot fail, here and below.
        for m in METRICS {
            if let Some(value) = self.metrics.get(m.key) {
                let _ = writeln!(text, "  {:<28}{value:>14.3} {}", m.key, m.unit);
            }
        }
        let _ = writeln!(
            text,
            "  {:<24}{:>8}{:>10}{:>10}{:>14}{:>13}{:>11}",
            "role", "threads", "cpu s", "delay s", "delay/run us", "max wait ms", "migrations"
        );
        for (name, role) in &self.roles {
            let show = |v: Option<f64>| v.map_or("-".to_string(), |v| format!("{v:.3}"));
            let _ = writeln!(
                text,
                "  {name:<24}{:>8}{:>10.3}{:>10}{:>14}{:>13.3}{:>11}",
                role.threads,
                role.cpu_s,
                show(role.delay_s),
                show(role.delay_per_run_us),
                role.longest_wait_ms,
                role.migrations.map_or("-".to_string(), |n| n.to_string())
            );
        }
        for (name, class) in &self.backgrounds {
            let _ = writeln!(
                text,
                "  background {name}: {} threads, {:.3} CPU s, {} jobs, {} missed, longest wait {:.1} ms",
                class.threads, class.cpu_s, class.jobs, class.missed, class.longest_wait_ms
            );
        }
        let changed = match self.changed.is_empty() {
            true => "nothing".to_string(),
            false => self.changed.join("; "),
        };
        let _ = writeln!(text, "  changed on this machine and put back: {changed}");
        text
    }
}

fn columns(frames: &[Frame], origin_ns: u64) -> FrameColumns {
    let us = |ns: u64| (ns as i64 - origin_ns as i64) / NS_PER_US;
    let column = |get: fn(&Frame) -> Option<u64>| frames.iter().map(|f| get(f).map(us)).collect();
    FrameColumns {
        number: frames.iter().map(|f| f.number).collect(),
        vsync_us: frames.iter().map(|f| us(f.vsync_ns)).collect(),
        ideal_us: frames
            .iter()
            .map(|f| f.ideal_ns as i64 / NS_PER_US)
            .collect(),
        start_us: column(|f| f.start_ns),
        game_end_us: column(|f| f.game_end_ns),
        render_start_us: column(|f| f.render_start_ns),
        render_end_us: column(|f| f.render_end_ns),
        submit_us: column(|f| f.submit_ns),
        present_us: column(|f| f.present_ns),
        display_us: column(|f| f.display_ns),
        input_us: column(|f| f.input_ns),
    }
}
