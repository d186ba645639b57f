// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask picture`: what `scx_photon top` shows of a game beside hogs, as docs/top.svg. The recording is made in a
//! virtual machine; `top` itself draws it, on a terminal of its own.

use crate::artifacts::{self, Artifacts, Variants};
use crate::guest::{Job, Status};
use crate::kernel;
use crate::kernel_name::{Flavour, Series};
use crate::qemu::Machine;
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::terminal_svg;
use crate::vm::Vm;
use crate::{deps, paths, shell};
use anyhow::{Context, Result, ensure};
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

const PICTURE: &str = "docs/top.svg";
/// The smallest terminal that `top` is made for.
const ROWS: u16 = 24;
const COLUMNS: u16 = 80;
/// What the scenario writes before each piece of the recording.
const PREFIX: &str = "HEX";
/// All of the recording's second, and the end of it stays.
const SHOWN: Duration = Duration::from_secs(8);
const LIMIT_S: u64 = 300;

#[derive(clap::Args)]
pub struct Args {
    /// The Debian mirror for kernels [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure()?;
    let artifacts = artifacts::build(Variants::Product)?;
    let recording = paths::cache("picture")?.join("look.photon");
    std::fs::write(&recording, record(args, &artifacts)?)?;
    let written = on_a_terminal(&artifacts.scx_photon, &recording)?;
    let mut terminal = vt100::Parser::new(ROWS, COLUMNS, 0);
    terminal.process(last_screen(&written));
    let svg = terminal_svg::draw(terminal.screen(), "scx_photon top");
    std::fs::write(paths::root().join(PICTURE), svg)?;
    println!("{PICTURE}");
    Ok(ExitCode::SUCCESS)
}

fn record(args: &Args, artifacts: &Artifacts) -> Result<Vec<u8>> {
    let mirror = args.mirror.as_deref();
    let kernel = kernel::newest_of(&Series::Newest, Flavour::Generic, mirror)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let machine = Machine::virtual_time("4");
    let mut vm = Vm::new("picture", &qemu, &kernel, artifacts, machine);
    vm.jobs = vec![Job::new("look", vec!["--dump".into()], LIMIT_S)];
    shell::step(&format!("recording on {}", kernel.name));
    let mut hex = String::new();
    let reports = vm.run(&mut |seen| {
        if let Seen::Text(text) = seen
            && let Some((_, piece)) = text.split_once(PREFIX)
        {
            hex.push_str(piece.trim());
        }
    })?;
    let (_, report) = reports.first().context("no report")?;
    ensure!(report.status == Status::Pass, "look: {}", report.reason);
    let bytes = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| Ok(u8::from_str_radix(std::str::from_utf8(pair)?, 16)?);
    bytes.map(byte).collect()
}

/// All that `top` writes while it shows the recording.
fn on_a_terminal(scx_photon: &Path, recording: &Path) -> Result<Vec<u8>> {
    let top = format!(
        "stty rows {ROWS} columns {COLUMNS}; exec '{}' top --replay '{}'",
        scx_photon.display(),
        recording.display()
    );
    // util-linux's `script` gives it a terminal.
    let mut child = Command::new("script")
        .args(["--quiet", "--command", &top, "/dev/null"])
        .env("TERM", "xterm-256color")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("script (Debian: bsdutils)")?;
    let mut output = child.stdout.take().context("script has no output")?;
    let reader = std::thread::spawn(move || {
        let mut written = Vec::new();
        output.read_to_end(&mut written).map(|_| written)
    });
    std::thread::sleep(SHOWN);
    child.kill()?;
    child.wait()?;
    let written = reader.join().ok().context("reading from script")?;
    Ok(written?)
}

/// What it wrote before it put the terminal back, if it had the time to.
fn last_screen(written: &[u8]) -> &[u8] {
    const LEAVES: &[u8] = b"\x1b[?1049l";
    let end = written.windows(LEAVES.len()).position(|w| w == LEAVES);
    &written[..end.unwrap_or(written.len())]
}
