// SPDX-License-Identifier: GPL-2.0-only
//! Where the wakeups of the last moment went, what was lost, and whose they are.

use ratatui::style::Stylize;
use ratatui::text::{Line, Text};

use crate::model::{Display, Sample};
use crate::top::State;
use crate::view::Process;

const NS_PER_SEC: f64 = 1e9;
const US_PER_MS: f64 = 1e3;
/// Columns of a process's name, which are all that the kernel keeps of one.
const NAME_MAX: usize = 15;

pub fn text(state: &State) -> Text<'static> {
    let rates = Rates::of(state);
    let sample = &state.view.sample;
    let mut lines = vec![Line::from(format!("wakeups {:.0}/s", rates.sum(&["wakeups"]))).bold()];
    lines.extend(classes(&rates));
    lines.push(places(&rates));
    lines.push(losses(sample));
    lines.extend(display(&sample.display));
    lines.extend(state.view.processes.iter().map(process));
    Text::from(lines)
}

/// What the counters gained a second.
struct Rates<'a> {
    now: &'a Sample,
    before: &'a Sample,
    seconds: f64,
}

impl<'a> Rates<'a> {
    fn of(state: &'a State) -> Self {
        let (now, before) = (&state.view.sample, &state.before.sample);
        let seconds = match before.at_ns {
            // The first view: since the attach.
            0 => state.view.uptime_s,
            at => now.at_ns.saturating_sub(at) as f64 / NS_PER_SEC,
        };
        Rates {
            now,
            before,
            seconds,
        }
    }

    fn sum(&self, names: &[&str]) -> f64 {
        let total = |s| names.iter().map(|n| counter(s, n)).sum::<u64>();
        let gained = total(self.now).saturating_sub(total(self.before)) as f64;
        if self.seconds > 0.0 {
            gained / self.seconds
        } else {
            0.0
        }
    }
}

fn counter(sample: &Sample, name: &str) -> u64 {
    sample.counters.get(name).copied().unwrap_or(0)
}

fn classes(rates: &Rates) -> [Line<'static>; 2] {
    let class = |name| rates.sum(&[name]);
    let hurried = format!(
        "I {:.0} F {:.0} K {:.0}",
        class("class_input"),
        class("class_frame"),
        class("class_kernel")
    );
    let others = format!(
        "G {:.0} f {:.0} b {:.0}",
        class("class_game"),
        class("class_fair"),
        class("class_batch")
    );
    [hurried.into(), others.into()]
}

fn places(rates: &Rates) -> Line<'static> {
    Line::from(format!(
        "idle {:.0} preempt {:.0} queued {:.0}",
        rates.sum(&["idle_prev", "idle_other"]),
        rates.sum(&["preempt_prev", "preempt_this", "preempt_other"]),
        rates.sum(&["queue_llc", "queue_urgent", "queue_cpu"])
    ))
}

fn losses(sample: &Sample) -> Line<'static> {
    let events: u64 = sample.rings.iter().map(|r| r.events).sum();
    let drops: u64 = sample.rings.iter().map(|r| r.drops).sum();
    Line::from(format!(
        "rescues {}, rings {events}, lost {drops}",
        counter(sample, "rescue_overdue")
    ))
}

/// Nothing where no vblank was seen.
fn display(display: &Display) -> Option<Line<'static>> {
    let (period, gpu) = (display.period_us.first()?, &display.fence_us);
    Some(Line::from(format!(
        "vblank {:.1} ms, GPU p50 {:.1} p99 {:.1}",
        period / US_PER_MS,
        gpu.p50 / US_PER_MS,
        gpu.p99 / US_PER_MS
    )))
}

fn process(p: &Process) -> Line<'static> {
    let star = if p.watched { '*' } else { ' ' };
    let name: String = p.name.chars().take(NAME_MAX).collect();
    Line::from(format!(
        "{star}{name:<NAME_MAX$} {:>4.0}/s {:>4.0} %",
        p.beginnings, p.cpu_percent
    ))
}
