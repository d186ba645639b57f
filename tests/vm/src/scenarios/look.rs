// SPDX-License-Identifier: GPL-2.0-only
//! What people and tools see of a running scx_photon, most of it asked by a user who is not root: `status` and its exit
//! codes, `metrics`, `record` and `replay`, `report`; by root, the two sockets in scx_stats' protocol. Root is told who
//! types, that user is not. With `--dump` the game has hogs beside it and a stutter, and the recording goes to the
//! console in hex: `cargo xtask picture` draws it.

use crate::asked::{PUBLIC, ask_as};
use crate::device::{Device, KEYBOARD, MOUSE};
use crate::game::{Game, Trouble};
use crate::latch::KERNEL_SCHEDULES;
use crate::neighbour::Neighbour;
use crate::oneshot::{self, Ended, NOBODY};
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sockets::STATS;
use photon_bench::sys::clock::NS_PER_MS;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// The documented exit code of `status` where scx_photon is at work.
const ON: i32 = 0;
/// Until frames are seen and some stutter could have been.
const WARM_UP: Duration = Duration::from_millis(4000);
/// Hogs a CPU of a picture, and from a stutter to the daemon's word about it.
const HOGS: usize = 2;
const TOLD: Duration = Duration::from_millis(1500);
/// What it says then.
const KERNELS_WORDS: &str = "the kernel's own scheduler";
const FLAGS: [&str; 2] = ["--slice-us", "3000"];
const REPORT: &str = "/tmp/report.tar";
/// Characters of a line of a dump.
const CONSOLE_LINE: usize = 4000;
const RECORDING: &str = "/tmp/look.photon";
/// For scx_stats' tools and for everybody.
const SOCKETS: [&str; 2] = [STATS, PUBLIC];
const BETWEEN: Duration = Duration::from_millis(40);
const STATUS_RUNS: usize = 50;
const BUSY: Duration = Duration::from_secs(2);
/// For the median. Each instruction takes a nanosecond here, and fork, exec and answer have eight million; a CPU of
/// today takes 1.3 ms for them.
const STATUS_LIMIT: Duration = Duration::from_millis(16);
const ROOT: u32 = 0;
/// Of each device, between two answers; and from one to the next, ns: both devices' are over in a fifth of `SECOND`.
const REPORTS: u64 = 100;
const PERIOD_NS: u64 = NS_PER_MS;
/// As long the daemon says the same to whoever is not root; and when that is over for certain.
const SECOND: Duration = Duration::from_secs(1);
const NEXT: Duration = Duration::from_millis(1100);

pub fn run(ctx: &Ctx) -> Outcome {
    let off = ask(ctx, &["status"])?;
    is(&off, "status before", KERNEL_SCHEDULES, KERNELS_WORDS)?;
    is(&ask(ctx, &["why"])?, "why before", 1, "")?;
    let photon = Photon::start(ctx, &FLAGS)?;
    let game = Game::start()?;
    std::thread::sleep(WARM_UP);
    let on = frames_named(ctx)?;
    let mut status = Command::new(&ctx.scx_photon);
    let took = times(status.arg("status"))?;
    if took.median > STATUS_LIMIT {
        return Err(Fail::failed(format!("status took {:?}", took.median)));
    }
    let floor = times(Command::new("/proc/self/exe").arg("list"))?;
    for socket in SOCKETS {
        protocol(socket)?;
    }
    let told = strangers_are_told()?;
    let hogs = match dump(ctx) {
        true => Some(beside(&game)?),
        false => None,
    };
    commands(ctx)?;
    hogs.map_or(Ok(()), Neighbour::finish)?;
    game.finish()?;
    photon.stop()?;
    let after = ask(ctx, &["status"])?;
    is(&after, "status after", KERNEL_SCHEDULES, KERNELS_WORDS)?;
    Ok(
        json!({"status": on.stdout.trim(), "status_us": took.json(), "static_program_us": floor.json(),
            "reports_told": told}),
    )
}

/// The daemon has 3 ms for its answer: while it looks at processes it is "busy", which is no lie.
fn frames_named(ctx: &Ctx) -> Result<Ended, Fail> {
    let begin = Instant::now();
    loop {
        let on = ask(ctx, &["status"])?;
        match is(&on, "status", ON, "ms a frame") {
            Err(_) if begin.elapsed() < BUSY => std::thread::sleep(BETWEEN),
            ended => return ended.map(|()| on),
        }
    }
}

fn dump(ctx: &Ctx) -> bool {
    ctx.flag("--dump")
}

/// Something to see.
fn beside(game: &Game) -> Result<Neighbour, Fail> {
    let hogs = Neighbour::hogs(HOGS, 0)?;
    std::thread::sleep(TOLD);
    game.trouble(Trouble::RealTime);
    std::thread::sleep(TOLD);
    // Late enough to be among the frames of the chart.
    game.trouble(Trouble::LongWork);
    Ok(hogs)
}

struct Times {
    median: Duration,
    most: Duration,
}

impl Times {
    fn json(&self) -> Value {
        json!({"p50": self.median.as_micros() as u64, "max": self.most.as_micros() as u64})
    }
}

/// From the fork to the exit code of a command that succeeds, beside the game.
fn times(command: &mut Command) -> Result<Times, Fail> {
    let command = command.uid(NOBODY).gid(NOBODY);
    let mut took = Vec::new();
    for _ in 0..STATUS_RUNS {
        let begin = Instant::now();
        let out = command.output()?;
        took.push(begin.elapsed());
        if !out.status.success() {
            return Err(Fail::failed(format!("{command:?}: {}", out.status)));
        }
        // The daemon answers fifty requests a second in all.
        std::thread::sleep(BETWEEN);
    }
    took.sort();
    Ok(Times {
        median: took[STATUS_RUNS / 2],
        most: took[STATUS_RUNS - 1],
    })
}

/// What nobody special types.
fn ask(ctx: &Ctx, arguments: &[&str]) -> Result<Ended, Fail> {
    let mut command = Command::new(&ctx.scx_photon);
    oneshot::run(command.args(arguments).uid(NOBODY).gid(NOBODY))
}

/// Everything but `status`, while scx_photon runs.
fn commands(ctx: &Ctx) -> Result<(), Fail> {
    let metrics = ask(ctx, &["metrics"])?;
    for sample in [
        "scx_photon_wakeups_total ",
        "scx_photon_frame_time_seconds{quantile=\"0.5\"} 0.01",
        "\n# EOF\n",
    ] {
        is(&metrics, "metrics", 0, sample)?;
    }
    let record = ["record", RECORDING, "--seconds", "1", "--every", "0.2"];
    is(&ask(ctx, &record)?, "record", 0, " views in ")?;
    is(&ask(ctx, &record)?, "record again", 1, "")?;
    is(&ask(ctx, &["replay", RECORDING])?, "replay", 0, "ms usual")?;
    let top = ask(ctx, &["top", "--replay", RECORDING])?;
    is(&top, "top without a terminal", 1, "")?;
    let report = ask(ctx, &["report", REPORT, "--yes"])?;
    is(&report, "report", 0, "why.json")?;
    let report = std::fs::read(REPORT)?;
    if !String::from_utf8_lossy(&report).contains(&FLAGS.join(" ")) {
        return Err(Fail::failed("the report does not hold the daemon's flags"));
    }
    if dump(ctx) {
        let recording = std::fs::read(RECORDING)?;
        let hex: String = recording.iter().map(|b| format!("{b:02x}")).collect();
        for line in hex.as_bytes().chunks(CONSOLE_LINE) {
            ctx.log(format!("HEX{}", String::from_utf8_lossy(line)));
        }
        ctx.log(format!("METRICS{}", json!(metrics.stdout)));
    }
    Ok(())
}

fn is(ended: &Ended, what: &str, code: i32, text: &str) -> Result<(), Fail> {
    let errors = ended.stderr.lines().count();
    if ended.code == Some(code) && ended.stdout.contains(text) && errors == usize::from(code == 1) {
        return Ok(());
    }
    Err(Fail::failed(format!(
        "{what}: code {:?}, not {code} with {text:?}: {} {}",
        ended.code, ended.stdout, ended.stderr
    )))
}

/// The two requests that scx_stats' clients make, as they make them.
fn protocol(socket: &str) -> Result<(), Fail> {
    let mut stream = UnixStream::connect(socket)?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut ask = |request: Value| -> Result<Value, Fail> {
        writeln!(stream, "{request}")?;
        let line = lines
            .next()
            .ok_or_else(|| Fail::failed(format!("{socket} hung up")))??;
        let mut reply: Value = serde_json::from_str(&line)?;
        match reply["errno"].as_i64() {
            Some(0) => Ok(reply["args"]["resp"].take()),
            _ => Err(Fail::failed(format!("{socket}: {request}: {reply}"))),
        }
    };
    let meta = ask(json!({"req": "stats_meta", "args": {}}))?;
    let stats = ask(json!({"req": "stats", "args": {"target": "top"}}))?;
    let fields = meta["Metrics"]["fields"].as_object();
    let values = stats.as_object();
    let (Some(fields), Some(values)) = (fields, values) else {
        return Err(Fail::failed(format!("{socket}: {meta} {stats}")));
    };
    if !fields.keys().eq(values.keys()) || stats["wakeups"].as_u64().unwrap_or(0) == 0 {
        return Err(Fail::failed(format!(
            "{socket}: described are {meta}, not {stats}"
        )));
    }
    match ask(json!({"req": "nonsense"})) {
        Err(_) => Ok(()),
        Ok(reply) => Err(Fail::failed(format!("{socket} answers nonsense: {reply}"))),
    }
}

/// Reports by the class of their device, as the daemon tells this user.
type Told = BTreeMap<String, u64>;

/// All devices as one number, and the same one for a second whatever is typed: else it would say when keys are pressed.
/// Root is told at the same time who types how much. Returns those numbers, a second apart.
fn strangers_are_told() -> Result<Value, Fail> {
    let (mouse, keyboard) = (Device::new(&MOUSE)?, Device::new(&KEYBOARD)?);
    // So that the first answer is a new one, whoever asked before.
    std::thread::sleep(NEXT);
    let begin = Instant::now();
    let first = told(NOBODY, "stats")?;
    mouse.play(0, REPORTS, PERIOD_NS)?;
    keyboard.play(0, REPORTS, PERIOD_NS)?;
    let exact = told(ROOT, "stats")?;
    let again = told(NOBODY, "view")?;
    let took = begin.elapsed();
    std::thread::sleep(NEXT);
    let later = told(NOBODY, "stats")?;
    let fail = |why: &str| {
        Err(Fail::failed(format!(
            "{why}: nobody was told {first:?}, {again:?} within {took:?}, {later:?} later; root {exact:?}"
        )))
    };
    if took >= SECOND {
        return fail("too slow to tell");
    }
    let typed = |kind: &str| exact.get(kind).is_some_and(|n| *n >= REPORTS);
    if !typed(MOUSE.class) || !typed(KEYBOARD.class) {
        return fail("root is not told who types");
    }
    let [Some(old), Some(same), Some(new)] = [&first, &again, &later].map(only_all) else {
        return fail("nobody may know which device it was");
    };
    if same != old {
        return fail("nobody may know when it was");
    }
    // The game's mouse goes on, too.
    if new < old + 2 * REPORTS {
        return fail("some are missing");
    }
    Ok(json!([old, new]))
}

/// The number, if it is the only one.
fn only_all(told: &Told) -> Option<u64> {
    match told.len() {
        1 => told.get("all").copied(),
        _ => None,
    }
}

fn told(user: u32, request: &str) -> Result<Told, Fail> {
    let line = ask_as(user, PUBLIC, &json!({"req": request}).to_string())?;
    let fail = |why: &str| Fail::failed(format!("{request} by user {user}: {why}: {line}"));
    let reply: Value = serde_json::from_str(&line).map_err(|e| fail(&e.to_string()))?;
    // In `stats`, whose fields are plain, it is a text.
    let sample: Value = match &reply["args"]["resp"]["sample"] {
        Value::String(text) => serde_json::from_str(text)?,
        sample => sample.clone(),
    };
    let input = sample["input"].as_object();
    let input = input.ok_or_else(|| fail("no input"))?;
    let reports = |(class, count): (&String, &Value)| match count["reports"].as_u64() {
        Some(reports) => Ok((class.clone(), reports)),
        None => Err(fail("no number of reports")),
    };
    input.iter().map(reports).collect()
}
