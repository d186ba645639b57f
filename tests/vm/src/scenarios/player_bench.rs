// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon bench` from end to end: a game that is better off, a control without a difference, the player's own
//! logs, and an end by Ctrl-C in the middle, after each of which the kernel's own scheduler is back.
//! `--show` prints the page of the first, for somebody to look at.

use crate::photon::{scx_ops, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const RUNS: &str = "3";
/// Long enough for a p99 of 90 frames, and for the compile to have its usual number of jobs.
const MODEL: &[&str] = &["--profile", "60v", "--seconds", "1.5", "--settle", "0.5"];
const LOGS: &str = "/tmp/mangologs";
const PAGE: &str = "/tmp/bench.html";
/// Verifying takes seconds in an emulator.
const ATTACH_LIMIT: Duration = Duration::from_secs(60);
const EXIT_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

pub fn run(ctx: &Ctx) -> Outcome {
    let better = bench(ctx, &["--background", "hogs"], MODEL)?;
    ctx.log(verdict(&better)?);
    expect(
        &better,
        "scx_photon is better than EEVDF in making a frame p99",
    )?;
    if ctx.flag("--show") {
        println!("{}", std::fs::read_to_string(PAGE)?);
    }
    let control = bench(ctx, &["--background", "none", "--control"], MODEL)?;
    ctx.log(verdict(&control)?);
    expect(&control, "No difference between EEVDF and EEVDF again")?;
    let own = own_game(ctx)?;
    ctx.log(verdict(&own)?);
    expect(&own, "No difference between EEVDF and EEVDF again")?;
    interrupted(ctx)?;
    Ok(json!({"better": better["verdict"], "control": control["verdict"], "own": own["verdict"]}))
}

fn command(ctx: &Ctx, args: &[&str]) -> Command {
    let mut command = Command::new(&ctx.scx_photon);
    command
        .args(["bench", "--json", "--runs", RUNS, "--html", PAGE])
        .args(args)
        .stdin(Stdio::null());
    command
}

fn bench(ctx: &Ctx, args: &[&str], model: &[&str]) -> Outcome {
    let args: Vec<&str> = args.iter().chain(model).copied().collect();
    let out = command(ctx, &args).stderr(Stdio::inherit()).output()?;
    finished(&out)
}

fn finished(out: &Output) -> Outcome {
    if !out.status.success() {
        return Err(Fail::failed(format!("scx_photon bench: {}", out.status)));
    }
    is_restored()?;
    let page = std::fs::read_to_string(PAGE)?;
    if !page.ends_with("</html>\n") {
        return Err(Fail::failed("the page has no end"));
    }
    Ok(serde_json::from_slice::<Value>(&out.stdout)?)
}

fn is_restored() -> Result<(), Fail> {
    match (scx_state().as_deref(), scx_ops()) {
        (Some("disabled"), None) => Ok(()),
        (state, ops) => Err(Fail::failed(format!("left {state:?} {ops:?}"))),
    }
}

fn verdict(report: &Value) -> Result<&str, Fail> {
    let text = report["verdict"].as_str();
    text.ok_or_else(|| Fail::failed(format!("no verdict: {report}")))
}

fn expect(report: &Value, beginning: &str) -> Result<(), Fail> {
    let text = verdict(report)?;
    match text.starts_with(beginning) {
        true => Ok(()),
        false => Err(Fail::failed(format!("not `{beginning}...` but: {text}"))),
    }
}

/// A log as MangoHud writes it; a little slower every time, so that the pairs differ both ways.
fn log(number: usize) -> String {
    let mut text = "os,cpu\nTest,Test\nfps,frametime,elapsed\n".to_string();
    let mut elapsed = 0.0;
    for frame in 0..60 {
        let ms = 10.0 + ((frame * 7 + number * 3) % 5) as f64 / 10.0;
        elapsed += ms;
        text += &format!("{:.4},{ms:.4},{:.0}\n", 1000.0 / ms, elapsed * 1e6);
    }
    text
}

/// Plays the player: whenever a log is asked for, writes one.
fn own_game(ctx: &Ctx) -> Outcome {
    std::fs::create_dir_all(LOGS)?;
    let asked = Path::new("/tmp/asked");
    let child = command(ctx, &["--control", "--logs", LOGS])
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(asked)?)
        .spawn()?;
    let wanted = 2 * RUNS.parse::<usize>().unwrap_or(0);
    let mut written = 0;
    let begin = Instant::now();
    while written < wanted {
        let text = std::fs::read_to_string(asked)?;
        if text.matches("now log the scene").count() > written {
            // As long as the log says that it took.
            std::thread::sleep(Duration::from_secs(1));
            std::fs::write(format!("{LOGS}/game_{written}.csv"), log(written))?;
            written += 1;
        }
        if begin.elapsed() > ATTACH_LIMIT {
            return Err(Fail::failed(format!("asked for {written} logs: {text}")));
        }
        std::thread::sleep(POLL);
    }
    finished(&child.wait_with_output()?)
}

/// Ctrl-C while scx_photon has the machine, and the same by a signal nobody can catch.
fn interrupted(ctx: &Ctx) -> Result<(), Fail> {
    for signal in [libc::SIGINT, libc::SIGKILL] {
        let mut child = command(ctx, &["--background", "hogs"])
            .args(["--seconds", "2", "--settle", "0.2"])
            .args(["--", "--no-input-probe"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let caught = catch(&mut child, signal);
        if caught.is_err() {
            // It is not to be left behind, whatever else failed.
            let _ = child.kill();
            let _ = child.wait();
        }
        caught?;
    }
    Ok(())
}

fn catch(child: &mut Child, signal: i32) -> Result<(), Fail> {
    let begin = Instant::now();
    while scx_state().as_deref() != Some("enabled") {
        if begin.elapsed() > ATTACH_LIMIT || child.try_wait()?.is_some() {
            return Err(Fail::failed("scx_photon was not attached by its bench"));
        }
        std::thread::sleep(POLL);
    }
    // SAFETY: kill takes no pointers, and the child is not reaped yet, so the pid is still its own.
    unsafe { libc::kill(child.id() as libc::pid_t, signal) };
    let begin = Instant::now();
    while is_restored().is_err() || child.try_wait()?.is_none() {
        if begin.elapsed() > EXIT_LIMIT {
            return Err(Fail::failed(format!(
                "{EXIT_LIMIT:?} after signal {signal}: {:?}",
                scx_state()
            )));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}
