// SPDX-License-Identifier: GPL-2.0-only
//! Moves the emulator's mouse, presses its keys and plugs in CPUs, over its control socket.

use crate::guest::InputKind;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Any key the guest does not act on.
const KEY: &str = "a";
/// The emulator answers at once or never.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

pub struct Qmp {
    writer: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Qmp {
    pub fn connect(socket: &Path) -> Result<Qmp> {
        let writer = UnixStream::connect(socket).with_context(|| socket.display().to_string())?;
        writer.set_read_timeout(Some(ANSWER_LIMIT))?;
        let mut reader = BufReader::new(writer.try_clone()?);
        let mut greeting = String::new();
        reader.read_line(&mut greeting)?;
        let mut qmp = Qmp { writer, reader };
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    fn execute(&mut self, name: &str, arguments: Value) -> Result<Value> {
        writeln!(
            self.writer,
            "{}",
            json!({"execute": name, "arguments": arguments})
        )?;
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                bail!("the emulator closed its control socket");
            }
            let answer: Value = serde_json::from_str(&line)?;
            if let Some(error) = answer.get("error") {
                bail!("{name}: {error}");
            }
            // Events come in between and are of no interest.
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
        }
    }

    /// The next of those that the machine has room for.
    pub fn plug_cpu(&mut self) -> Result<()> {
        let places = self.execute("query-hotpluggable-cpus", json!({}))?;
        // The emulator names the last place first; one that is taken has a path.
        let places = places.as_array().into_iter().flatten().rev();
        let mut free = places.filter(|place| place.get("qom-path").is_none());
        let place = free.next().context("no room for another CPU")?;
        let mut arguments = place["props"].clone();
        arguments["driver"] = place["type"].clone();
        self.execute("device_add", arguments)?;
        Ok(())
    }

    /// Sends so many reports, `gap_ms` of host time apart.
    pub fn send_reports(&mut self, kind: InputKind, reports: u32, gap_ms: u64) -> Result<()> {
        for number in 0..reports {
            let event = match kind {
                InputKind::Mouse => json!({"type": "rel", "data": {"axis": "x", "value": 1}}),
                InputKind::Keyboard => {
                    let down = number % 2 == 0;
                    json!({"type": "key", "data": {"down": down, "key": {"type": "qcode", "data": KEY}}})
                }
            };
            self.execute("input-send-event", json!({"events": [event]}))?;
            std::thread::sleep(Duration::from_millis(gap_ms));
        }
        Ok(())
    }
}
