// SPDX-License-Identifier: GPL-2.0-only
//! What the governor schedutil makes of a CPU's frequency: by its load, with or without a game; the highest for a CPU that
//! draws the frames of a game that is played, for as long as it is; the highest always where the tunable says so. And
//! after the detach it is the kernel's own again. A CPU may ask for itself alone, or the kernel ejects: so somebody changes
//! tasks that run on other CPUs, for which the kernel calls the scheduler where he is.
//!
//! The emulator has a table of frequencies (`xtask/src/acpi.rs`) and one speed: this shows what is asked for.

use crate::effects::Daemon;
use crate::fault::{FAULTS, NO_SLACK};
use crate::load::{Load, Worker, allow_all, burn, pin};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::family::{Frames, start_as};
use crate::setup::load_later;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use serde_json::json;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Who wakes the game is a real-time thread, for whom schedutil asks for the highest: on another CPU.
const SOURCE: usize = 0;
/// The CPU that is looked at.
const WATCHED: usize = 1;
/// A tenth of the CPU, as a game that is easy to draw.
const FRAME_NS: u64 = 1000 * NS_PER_US;
const FRAME_MS: u64 = 10;
/// A load is believed at once when it rises, and by a quarter a window of 10 ms when it falls.
const SETTLE: Duration = Duration::from_millis(300);
/// Sixteen frames make a game, and the daemon looks 30 ms after it started.
const PLAYED: Duration = Duration::from_millis(600);
/// In the log, of a machine with this governor.
const SAID: &str = "schedutil is told";
const FROM_OUTSIDE: &str = "from_outside";
const CHANGED_MS: u64 = 1_000;
const LOOKS: usize = 25;
const LOOK: Duration = Duration::from_millis(7);

/// `photon-guest hold paced`: a frame for each byte, until the last.
pub fn game() -> ExitCode {
    if pin(WATCHED).is_err() {
        return ExitCode::FAILURE;
    }
    let mut byte = [0];
    while std::io::stdin().read_exact(&mut byte).is_ok() {
        burn(FRAME_NS);
    }
    ExitCode::SUCCESS
}

pub fn run(ctx: &Ctx) -> Outcome {
    load_later("acpi_cpufreq", c"")?;
    let governor = std::fs::read_to_string(cpufreq("scaling_governor")).unwrap_or_default();
    if governor.trim() != "schedutil" {
        return Err(Fail::skip(format!("the governor is {governor:?}")));
    }
    std::fs::copy("/proc/self/exe", "/tmp/quake")?;
    let (low, high) = (khz("cpuinfo_min_freq")?, khz("cpuinfo_max_freq")?);
    let daemon = Daemon {
        ctx,
        photon: Photon::start(ctx, &STATS)?,
    };
    let before = Sample::settled(&daemon.photon)?.counter("frequency_asked")?;
    let (idle, busy) = (under(light())?, under(hog())?);
    let asked = Sample::settled(&daemon.photon)?.counter("frequency_asked")? - before;
    daemon.set(&["load_frequency=0"])?;
    let always = under(light())?;
    daemon.set(&["load_frequency=reset"])?;
    let [played, unasked] = played(&daemon)?;
    let ended = under(light())?;
    let told = daemon.photon.log().contains(SAID);
    let fault = FAULTS.iter().find(|f| f.name == FROM_OUTSIDE);
    let fault = fault.ok_or_else(|| Fail::failed(format!("no fault is called {FROM_OUTSIDE}")))?;
    (fault.run)(&daemon.photon, CHANGED_MS, NO_SLACK)?;
    daemon.photon.stop()?;
    let after = [under(light())?, under(hog())?];
    let seen = json!({"light": idle, "hog": busy, "light_highest": always, "played": played,
        "played_by_load": unasked, "after_the_game": ended, "after_detach": after});
    let wanted = json!({"light": low, "hog": high, "light_highest": high, "played": high,
        "played_by_load": low, "after_the_game": low, "after_detach": [low, high]});
    match seen == wanted && asked > 0 && told {
        true => Ok(seen),
        false => Err(Fail::failed(format!(
            "kHz: {seen}, not {wanted}; {asked} times asked, logged: {told}"
        ))),
    }
}

/// While a game is played on that CPU, whose frames are a light load: with the highest asked for them, and without.
fn played(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    let mut game = start_as(daemon.ctx, None, "paced")?;
    pin(SOURCE)?;
    let frames = Frames::start(game.stdin.take())?;
    allow_all()?;
    std::thread::sleep(PLAYED);
    let asked = median()?;
    daemon.set(&["frame_frequency=0"])?;
    std::thread::sleep(SETTLE);
    let unasked = median()?;
    daemon.set(&["frame_frequency=reset"])?;
    game.kill()?;
    game.wait()?;
    drop(frames);
    Ok([asked, unasked])
}

fn light() -> Worker {
    let pause_ns = FRAME_MS * NS_PER_MS - FRAME_NS;
    Worker::hog("light").on(WATCHED).naps(FRAME_NS, pause_ns)
}

fn hog() -> Worker {
    Worker::hog("hog").on(WATCHED)
}

/// The frequency of the watched CPU under this load alone.
fn under(load: Worker) -> Result<u64, Fail> {
    let load = Load::start(&[load])?;
    std::thread::sleep(SETTLE);
    let seen = median();
    load.finish()?;
    seen
}

/// Of many looks, because a kernel thread may run between two.
fn median() -> Result<u64, Fail> {
    let mut seen = Vec::new();
    for _ in 0..LOOKS {
        seen.push(khz("scaling_cur_freq")?);
        std::thread::sleep(LOOK);
    }
    seen.sort_unstable();
    Ok(seen[LOOKS / 2])
}

fn cpufreq(name: &str) -> PathBuf {
    format!("/sys/devices/system/cpu/cpu{WATCHED}/cpufreq/{name}").into()
}

fn khz(name: &str) -> Result<u64, Fail> {
    let text = std::fs::read_to_string(cpufreq(name))?;
    let khz = text.trim().parse();
    khz.map_err(|_| Fail::failed(format!("{name} holds {text:?}")))
}
