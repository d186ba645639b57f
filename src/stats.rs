// SPDX-License-Identifier: GPL-2.0-only
//! How statistics are shown: one text line a period, one JSON object, and the
//! description of every field. What they mean is said once, in the lists.

use std::fmt::Write as _;

use anyhow::Result;

use crate::model::Sample;
use crate::tables::COUNTERS;

/// The fields that are not counters.
const OTHER_STATS: &[(&str, &str)] = &[
    (
        "at_ns",
        "When the counters were summed, ns of CLOCK_MONOTONIC",
    ),
    (
        "input.CLASS.reports",
        "Input reports seen by the probe, by class of device",
    ),
    ("rings[N].events", "Events written to ring N"),
    (
        "rings[N].drops",
        "Events overwritten before this daemon had read them",
    ),
    ("rings[N].read", "Events this daemon has read from ring N"),
    (
        "input_delay_us.count",
        "Wakeups by an input report whose delay was measured",
    ),
    (
        "input_delay_us.p50",
        "Wake-to-run delay of these, median, us",
    ),
    ("input_delay_us.p99", "The same, 99th percentile, us"),
    ("input_delay_us.max", "The same, greatest, us"),
    (
        "display.probes",
        "Tracepoints that the display probe is attached to, of four",
    ),
    ("display.vblanks", "Vertical blanks of all displays"),
    ("display.fences", "GPU fences that were signalled"),
    (
        "display.submits",
        "GPU fences that processes made: one or two for each submission",
    ),
    (
        "display.period_us[N]",
        "Time between two vblanks, average over 8, of each display that has any",
    ),
    (
        "display.fence_us",
        "From the making of a GPU fence to its signal: count, p50, p99, max",
    ),
    ("game.pid", "Process that is played; 0: none"),
    ("game.name", "Its name"),
    ("game.why", "Why it is taken for a game"),
    ("game.processes", "It and the processes that work for it"),
    (
        "layout.task_ctx_mod64",
        "Address of the task contexts modulo a cache line; 0 is right",
    ),
    (
        "layout.cpu_ctx_mod64",
        "Address of the CPU contexts modulo a cache line; 0 is right",
    ),
];

/// `--help-stats`.
pub fn describe() -> String {
    let width = COUNTERS
        .iter()
        .map(|c| c.name.len())
        .max()
        .unwrap_or(0)
        .max(22);
    let mut out =
        String::from("Statistics are cumulative since the scheduler attached.\n\nCounters:\n");
    for c in COUNTERS {
        let _ = writeln!(out, "  {:width$}  {}", c.name, c.help);
    }
    out.push_str("\nOther fields of the JSON object:\n");
    for (name, help) in OTHER_STATS {
        let _ = writeln!(out, "  {name:width$}  {help}");
    }
    out
}

/// One line about the time between two samples.
pub fn line(before: &Sample, now: &Sample, seconds: f64) -> String {
    let rate = |name: &str| {
        let get = |s: &Sample| s.counters.get(name).copied().unwrap_or(0);
        get(now).saturating_sub(get(before)) as f64 / seconds
    };
    let idle = rate("idle_prev") + rate("idle_other");
    let preempt = rate("preempt_prev") + rate("preempt_this") + rate("preempt_other");
    let mut out = format!(
        "wakeups {:.0}/s: idle {idle:.0}, preempt {preempt:.0}, queued {:.0} | links {:.0}/s, input {:.0}/s",
        rate("wakeups"),
        rate("queue_llc") + rate("queue_urgent") + rate("queue_cpu"),
        rate("wake_chain"),
        rate("wake_input"),
    );
    for (class, now_reports) in &now.input {
        let old = before.input.get(class).map_or(0, |r| r.reports);
        let reports = now_reports.reports.saturating_sub(old) as f64 / seconds;
        if reports > 0.0 {
            let _ = write!(out, " | {class} {reports:.0} reports/s");
        }
    }
    let d = &now.input_delay_us;
    if d.count > 0 {
        let _ = write!(
            out,
            " | input to run p50 {:.1} p99 {:.1} max {:.1} us",
            d.p50, d.p99, d.max
        );
    }
    let drops: u64 = now.rings.iter().map(|r| r.drops).sum();
    if drops > 0 {
        let _ = write!(out, " | {drops} events lost");
    }
    out
}

/// One JSON object, on one line.
pub fn json(sample: &Sample) -> Result<String> {
    Ok(serde_json::to_string(sample)?)
}

/// Says what is in a sample as the flags ask.
pub struct Printer {
    as_json: bool,
    last: Option<Sample>,
}

impl Printer {
    pub fn new(as_json: bool) -> Self {
        Printer {
            as_json,
            last: None,
        }
    }

    /// The first text line covers the time since this sample.
    pub fn since(sample: Sample, as_json: bool) -> Self {
        Printer {
            as_json,
            last: Some(sample),
        }
    }

    /// Rates need two samples: without one before, the first text line covers the time since attach.
    pub fn text(&mut self, sample: Sample, seconds: f64) -> Result<String> {
        let text = if self.as_json {
            json(&sample)?
        } else {
            let before = self.last.take().unwrap_or_default();
            line(&before, &sample, seconds)
        };
        self.last = Some(sample);
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reports;

    #[test]
    fn every_counter_is_described_once() {
        let text = describe();
        for c in COUNTERS {
            assert_eq!(
                text.matches(&format!("  {} ", c.name)).count(),
                1,
                "{}",
                c.name
            );
        }
    }

    #[test]
    fn every_field_of_the_json_is_described() {
        let text = describe();
        let value = serde_json::to_value(Sample::default()).expect("serializes");
        for key in value.as_object().expect("an object").keys() {
            assert!(
                key == "counters" || text.contains(&format!("  {key}")),
                "{key}"
            );
        }
    }

    #[test]
    fn line_shows_rates_not_totals() {
        let mut before = Sample::default();
        before.counters.insert("wakeups".into(), 100);
        let mut now = before.clone();
        now.counters.insert("wakeups".into(), 300);
        for queue in ["queue_llc", "queue_urgent", "queue_cpu"] {
            now.counters.insert(queue.into(), 20);
        }
        now.input.insert("mouse".into(), Reports { reports: 2000 });
        let text = line(&before, &now, 2.0);
        assert!(text.starts_with("wakeups 100/s"), "{text}");
        assert!(text.contains("queued 30 |"), "{text}");
        assert!(text.contains("mouse 1000 reports/s"), "{text}");
    }
}
