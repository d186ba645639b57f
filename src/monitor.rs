// SPDX-License-Identifier: GPL-2.0-only
//! `--monitor`: prints the statistics of the daemon that runs.

use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use photon_bench::sockets::STATS;
use scx_stats::StatsClient;
use serde_json::Value;

use crate::caps;
use crate::model::Sample;
use crate::server;
use crate::stats::Printer;

const TIMEOUT_MS: u64 = 3000;

/// Prints every `seconds` until the daemon goes away or `stopped` says so.
pub fn run(seconds: f64, as_json: bool, stopped: impl Fn(Duration) -> bool) -> Result<()> {
    caps::need_root("the statistics socket is root's (metrics and top ask another one)")?;
    let client = StatsClient::new().connect(Some(TIMEOUT_MS));
    let mut client = client.with_context(|| {
        format!("no scx_photon to monitor: its stats socket {STATS} does not answer")
    })?;
    let ask = || {
        let reply: Value = client
            .request("stats", vec![])
            .context("scx_photon has stopped, or is too busy to answer")?;
        server::unflatten(&reply)
    };
    let period = Duration::from_secs_f64(seconds);
    follow(ask, as_json, || stopped(period), &mut stdout())
}

/// What was counted before we asked is no part of the first line.
fn follow(
    mut ask: impl FnMut() -> Result<Sample>,
    as_json: bool,
    stopped: impl Fn() -> bool,
    out: &mut impl Write,
) -> Result<()> {
    let mut printer = Printer::since(ask()?, as_json);
    let mut last = Instant::now();
    while !stopped() {
        let sample = ask()?;
        let elapsed = last.elapsed().as_secs_f64();
        last = Instant::now();
        let text = printer.text(sample, elapsed)?;
        writeln!(out, "{text}").context("printing the statistics")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn the_first_line_is_of_one_period() {
        let shown = |as_json: bool| {
            let ask = || {
                let mut sample = Sample::default();
                sample.counters.insert("wakeups".into(), 1_000_000);
                Ok(sample)
            };
            let (asked, mut out) = (Cell::new(0), Vec::new());
            let stopped = || asked.replace(asked.get() + 1) == 2;
            follow(ask, as_json, stopped, &mut out).expect("follows");
            String::from_utf8(out).expect("text")
        };
        let text = shown(false);
        assert_eq!(text.lines().count(), 2, "{text}");
        for line in text.lines() {
            assert!(line.starts_with("wakeups 0/s"), "{text}");
        }
        let json = shown(true);
        assert_eq!(json.lines().count(), 2, "{json}");
        assert!(json.contains("\"wakeups\":1000000"), "{json}");
    }
}
