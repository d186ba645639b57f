// SPDX-License-Identifier: GPL-2.0-only
//! `--monitor`: prints the statistics of the daemon that runs.

use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use photon_bench::sockets::STATS;
use scx_stats::StatsClient;
use serde_json::Value;

use crate::caps;
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
    let mut printer = Printer::new(as_json);
    let mut last = Instant::now();
    loop {
        if stopped(Duration::from_secs_f64(seconds)) {
            return Ok(());
        }
        let reply: Value = client
            .request("stats", vec![])
            .context("scx_photon has stopped")?;
        let elapsed = last.elapsed().as_secs_f64();
        last = Instant::now();
        let text = printer.text(server::unflatten(&reply)?, elapsed)?;
        writeln!(stdout(), "{text}").context("printing the statistics")?;
    }
}
