// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon metrics`: what there is to see as OpenMetrics text, for a textfile
//! collector or whatever runs it.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use crate::client::Client;
use crate::say;
use crate::shutdown::end_with_the_reader;
use crate::tables::COUNTERS;
use crate::view::View;
use crate::why::frames::Times;

const MS_PER_SEC: f64 = 1e3;
const US_PER_SEC: f64 = 1e6;

type Labels = Vec<(String, String)>;
type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

fn label(name: &str, value: impl ToString) -> Labels {
    vec![(name.to_string(), value.to_string())]
}

fn quantiles(times: &Times) -> Gauges {
    let family = Gauges::default();
    for (q, ms) in [("0.5", times.p50), ("0.99", times.p99), ("1", times.max)] {
        family
            .get_or_create(&label("quantile", q))
            .set(ms / MS_PER_SEC);
    }
    family
}

fn counts(values: impl Iterator<Item = (Labels, u64)>) -> Family<Labels, Counter> {
    let family: Family<Labels, Counter> = Family::default();
    for (labels, value) in values {
        family
            .get_or_create(&labels)
            .inner()
            .store(value, Ordering::Relaxed);
    }
    family
}

/// The counters of the kernel part, the probe and the rings.
fn add_counts(r: &mut Registry, view: &View) {
    for c in COUNTERS {
        let value = view.sample.counters.get(c.name).copied().unwrap_or(0);
        r.register(c.name, c.help, ConstCounter::new(value));
    }
    let reports = view.sample.input.iter();
    r.register(
        "input_reports",
        "Input reports by class of device; all in one for who is not root",
        counts(reports.map(|(class, n)| (label("device", class), n.reports))),
    );
    let display = &view.sample.display;
    for (name, help, value) in [
        (
            "vblanks",
            "Vertical blanks of all displays",
            display.vblanks,
        ),
        ("gpu_fences", "GPU fences signalled", display.fences),
    ] {
        r.register(name, help, ConstCounter::new(value));
    }
    let rings = || view.sample.rings.iter().enumerate();
    r.register(
        "ring_events",
        "Events written to a ring",
        counts(rings().map(|(n, ring)| (label("ring", n), ring.events))),
    );
    r.register(
        "ring_drops",
        "Events overwritten before the daemon had read them",
        counts(rings().map(|(n, ring)| (label("ring", n), ring.drops))),
    );
}

/// Delays and frame times.
fn add_times(r: &mut Registry, view: &View) {
    let delay = &view.sample.input_delay_us;
    let scale = MS_PER_SEC / US_PER_SEC;
    let delay = Times {
        p50: delay.p50 * scale,
        p99: delay.p99 * scale,
        max: delay.max * scale,
    };
    let times = [
        (
            "input_delay",
            "From an input report's wakeup to the reader's run",
            &delay,
        ),
        (
            "frame_time",
            "From frame to frame of the watched process",
            &view.why.frame_ms,
        ),
        (
            "source_to_frame",
            "From a frame's source to the end of its last link",
            &view.why.source_to_frame_ms,
        ),
    ];
    for (name, help, times) in times {
        r.register_with_unit(name, help, Unit::Seconds, quantiles(times));
    }
}

/// The whole text.
pub fn text(view: &View) -> Result<String> {
    let mut r = Registry::with_prefix("scx_photon");
    add_counts(&mut r, view);
    add_times(&mut r, view);
    r.register(
        "stutters_remembered",
        "Stutters of the last minutes",
        ConstGauge::new(view.why.remembered() as i64),
    );
    r.register_with_unit(
        "uptime",
        "Since the scheduler attached",
        Unit::Seconds,
        ConstGauge::new(view.uptime_s),
    );
    let mut out = String::new();
    encode(&mut out, &r)?;
    Ok(out)
}

pub fn run() -> Result<()> {
    let view: View = Client::connect()?.ask("view")?;
    end_with_the_reader();
    say::text(text(&view)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ring;
    use photon_bench::untested::untested;
    use std::collections::BTreeSet;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// The rules of the format that a text can break: every sample belongs to the
    /// family above it, counters end in _total, a name begins one family, EOF ends.
    fn complaints(text: &str) -> Vec<String> {
        let (mut bad, mut seen) = (Vec::new(), BTreeSet::new());
        let (mut family, mut kind) = (String::new(), String::new());
        let Some(body) = text.strip_suffix("# EOF\n") else {
            return vec!["no # EOF at the end".into()];
        };
        for line in body.lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words[..] {
                ["#", "TYPE", name, is] => {
                    (family, kind) = (name.into(), is.into());
                    if !seen.insert(name.to_string()) {
                        bad.push(format!("{name} twice"));
                    }
                }
                ["#", "HELP", name, _] if !seen.contains(name) => {}
                ["#", "UNIT", name, unit] if name.ends_with(&format!("_{unit}")) => {}
                ["#", ..] => bad.push(format!("not understood: {line}")),
                _ => {
                    let name = line.split(['{', ' ']).next().unwrap_or_default();
                    let value = line.rsplit(' ').next().unwrap_or_default();
                    let wanted = match kind.as_str() {
                        "counter" => format!("{family}_total"),
                        _ => family.clone(),
                    };
                    if name != wanted || value.parse::<f64>().is_err() {
                        bad.push(format!("in {family}: {line}"));
                    }
                }
            }
        }
        bad
    }

    fn view() -> View {
        let mut view = View::default();
        view.sample.counters.insert("wakeups".into(), 7);
        view.sample.rings = vec![Ring::default(); 2];
        view.sample
            .input
            .insert("mouse".into(), crate::model::Reports { reports: 5 });
        view.why.frame_ms.p50 = 16.5;
        view
    }

    #[test]
    fn the_text_keeps_the_rules() {
        let text = text(&view()).expect("encodes");
        assert!(text.contains("scx_photon_wakeups_total 7\n"), "{text}");
        assert!(
            text.contains("scx_photon_input_reports_total{device=\"mouse\"} 5\n"),
            "{text}"
        );
        assert!(
            text.contains("scx_photon_frame_time_seconds{quantile=\"0.5\"} 0.0165\n"),
            "{text}"
        );
        assert_eq!(complaints(&text), Vec::<String>::new());
    }

    #[test]
    fn the_rules_are_noticed() {
        assert_eq!(complaints("").len(), 1);
        let bad = "# HELP a x y\n# TYPE a counter\na 1\n# EOF\n";
        assert_eq!(complaints(bad).len(), 1);
        let bad = "# TYPE b gauge\nb x\n# EOF\n";
        assert_eq!(complaints(bad).len(), 1);
    }

    /// OpenMetrics' own parser, in Python; by itself it is installed nowhere.
    #[test]
    fn the_reference_parser_reads_it() {
        const READER: &str = "import sys\n\
            try: from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n\
            except ImportError: sys.exit(77)\n\
            print(sum(len(f.samples) for f in parse(sys.stdin.read())))";
        const MISSING: i32 = 77;
        let read = |text: &str| {
            let mut python = Command::new("python3");
            python.arg("-c").arg(READER);
            python.stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = python.stderr(Stdio::null()).spawn().ok()?;
            let mut input = child.stdin.take()?;
            // One that gives up early is seen by its exit code.
            let _ = input.write_all(text.as_bytes());
            drop(input);
            child.wait_with_output().ok()
        };
        let text = text(&view()).expect("encodes");
        let Some(out) = read(&text).filter(|o| o.status.code() != Some(MISSING)) else {
            return untested("there is no python3 with prometheus_client");
        };
        assert!(out.status.success(), "{text}");
        let samples = text.lines().filter(|l| !l.starts_with('#')).count();
        assert_eq!(
            String::from_utf8_lossy(&out.stdout).trim(),
            samples.to_string()
        );
        // Seen to refuse.
        let broken = text.replace("_total 7", " 7");
        assert!(!read(&broken).expect("runs").status.success());
    }
}
