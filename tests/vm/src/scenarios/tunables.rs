// SPDX-License-Identifier: GPL-2.0-only
//! Tunables while the scheduler runs: who may change them, how soon it is so, what is refused, what a game's section
//! and SIGHUP do, and that all is as before for the next one. Then, in the same attachment, what tunables do: each is
//! set low and high beside the same load, and a counter or a share must move in the direction that the help
//! says. What the kernel part does with the others the native tests of the policy show (`tests/policy/`).

use crate::load::{Load, Policy, Worker, cpus, set_policy};
use crate::oneshot::{self, Ended};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::family::{self, BEGIN, Frames};
use photon_bench::sys::uinput::{Mouse, Reader};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const CONFIG: &str = "/tmp/photon.toml";
const USER: u32 = 1000;
const VISIBLE: Duration = Duration::from_millis(100);
const MEASURE: Duration = Duration::from_millis(200);
const REPORTS: u64 = 60;
const FRAME: Duration = Duration::from_millis(5);
/// By how much a measure must grow, at least. The least that was seen is 69 percent.
const GROWTH_PERCENT: u64 = 20;

/// A running daemon and the way to it.
struct Daemon<'c> {
    ctx: &'c Ctx,
    photon: Photon,
}

pub fn run(ctx: &Ctx) -> Outcome {
    std::fs::copy("/proc/self/exe", "/tmp/quake")?;
    let section = "[[game]]\nprogram = \"Quake\"\ntunables.frame_budget_us = 9000\n";
    std::fs::write(CONFIG, section)?;
    let flags: Vec<&str> = ["--config", CONFIG].into_iter().chain(STATS).collect();
    let daemon = Daemon {
        ctx,
        photon: Photon::start(ctx, &flags)?,
    };
    let visible = changes(&daemon)?;
    let mut effects = json!({});
    for (name, effect) in EFFECTS {
        effects[name] = json!(effect(&daemon).map_err(|e| e.in_context(name))?);
    }
    beside_a_game(&daemon, &mut effects)?;
    daemon.set(&["slice_us=1234"])?;
    daemon.photon.stop()?;
    let daemon = Daemon {
        ctx,
        photon: Photon::start(ctx, &[])?,
    };
    daemon.is("slice_us", 3000)?;
    daemon.photon.stop()?;
    Ok(json!({"visible_ms": visible.as_millis() as u64, "low_and_high": effects}))
}

impl Daemon<'_> {
    fn ask(&self, arguments: &[&str], user: u32) -> Result<Ended, Fail> {
        let mut command = Command::new(&self.ctx.scx_photon);
        oneshot::run(command.arg("set").args(arguments).uid(user))
    }

    fn set(&self, assignments: &[&str]) -> Result<(), Fail> {
        let ended = self.ask(assignments, 0)?;
        match ended.code {
            Some(0) => Ok(()),
            _ => Err(Fail::failed(format!("set {assignments:?}: {ended:?}"))),
        }
    }

    fn value(&self, name: &str) -> Result<u64, Fail> {
        let ended = self.ask(&["--json"], USER)?;
        let values: Value = serde_json::from_str(&ended.stdout)
            .map_err(|e| Fail::failed(format!("{e}: {ended:?}")))?;
        let value = values[name].as_u64();
        value.ok_or_else(|| Fail::failed(format!("{name} is not in {values}")))
    }

    fn is(&self, name: &str, wanted: u64) -> Result<(), Fail> {
        match self.value(name)? {
            value if value == wanted => Ok(()),
            value => Err(Fail::failed(format!("{name} is {value}, not {wanted}"))),
        }
    }

    /// By how much a counter moves while `load` runs.
    fn counted(&self, name: &str, load: impl FnOnce() -> Result<(), Fail>) -> Result<u64, Fail> {
        let before = Sample::settled(&self.photon)?.counter(name)?;
        load()?;
        Ok(Sample::settled(&self.photon)?.counter(name)? - before)
    }

    /// A measure under a low and a high value; the default comes back.
    fn both(
        &self,
        name: &str,
        values: [u64; 2],
        measure: impl Fn() -> Result<u64, Fail>,
    ) -> Result<[u64; 2], Fail> {
        let mut seen = [0; 2];
        for (value, seen) in values.iter().zip(&mut seen) {
            self.set(&[&format!("{name}={value}")])?;
            *seen = measure()?;
        }
        self.set(&[&format!("{name}=reset")])?;
        Ok(seen)
    }
}

/// Who, what and how soon. Returns how long a change took, the command's own start included.
fn changes(daemon: &Daemon<'_>) -> Result<Duration, Fail> {
    let begin = Instant::now();
    daemon.set(&["slice_us=2000", "min-run-us=2000"])?;
    let visible = begin.elapsed();
    daemon.is("slice_us", 2000)?;
    daemon.is("min_run_us", 2000)?;
    let refused = [
        (["slice_us=3000"], USER, 1, "only root"),
        (["slice_us=1"], 0, 2, "500 to 20000 us"),
        (["slices=1"], 0, 2, "no tunable is called slices"),
    ];
    for (arguments, user, code, text) in refused {
        let ended = daemon.ask(&arguments, user)?;
        if ended.code != Some(code) || !ended.stderr.contains(text) {
            return Err(Fail::failed(format!(
                "{arguments:?} by user {user}: {ended:?}"
            )));
        }
    }
    daemon.is("slice_us", 2000)?;
    daemon.set(&["slice_us=reset", "min_run_us=reset"])?;
    daemon.is("slice_us", 3000)?;
    let reread = reload(daemon)?;
    match visible.max(reread) <= VISIBLE {
        true => Ok(visible.max(reread)),
        false => Err(Fail::failed(format!(
            "set took {visible:?}, SIGHUP {reread:?}"
        ))),
    }
}

/// SIGHUP: the file again; a wrong one changes nothing.
fn reload(daemon: &Daemon<'_>) -> Result<Duration, Fail> {
    let old = std::fs::read_to_string(CONFIG)?;
    std::fs::write(CONFIG, format!("{old}[tunables]\nslice_us = 4000\n"))?;
    let begin = Instant::now();
    daemon.photon.signal(libc::SIGHUP);
    while !daemon.photon.log().contains("slice_us=4000") {
        if begin.elapsed() > 10 * VISIBLE {
            return Err(Fail::failed(format!(
                "not read again: {}",
                daemon.photon.log()
            )));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = begin.elapsed();
    daemon.is("slice_us", 4000)?;
    std::fs::write(CONFIG, "[tunables]\nslice_us = 1\n")?;
    daemon.photon.signal(libc::SIGHUP);
    std::thread::sleep(VISIBLE);
    daemon.is("slice_us", 4000)?;
    std::fs::write(CONFIG, old)?;
    daemon.photon.signal(libc::SIGHUP);
    std::thread::sleep(VISIBLE);
    daemon.is("slice_us", 3000)?;
    Ok(took)
}

type Effect = fn(&Daemon<'_>) -> Result<[u64; 2], Fail>;

/// What is to be seen without a game.
const EFFECTS: [(&str, Effect); 4] = [
    ("slice_us", slice),
    ("chain_depth", depth),
    ("frame_window_us", frame_window),
    ("mouse_window_us", mouse_window),
];

fn grows(seen: [u64; 2]) -> Result<[u64; 2], Fail> {
    match 100 * seen[1] >= (100 + GROWTH_PERCENT) * seen[0].max(5) {
        true => Ok(seen),
        false => Err(Fail::failed(format!("low and high: {seen:?}"))),
    }
}

fn shrinks(seen: [u64; 2]) -> Result<[u64; 2], Fail> {
    grows([seen[1], seen[0]])?;
    Ok(seen)
}

/// Shorter slices, more of them.
fn slice(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    let hogs = || {
        let load = Load::start(&vec![Worker::hog("hog"); 2 * cpus()])?;
        std::thread::sleep(MEASURE);
        load.finish().map(drop)
    };
    shrinks(daemon.both("slice_us", [500, 20_000], || {
        daemon.counted("requeue_expired", hogs)
    })?)
}

/// From a real-time thread through four others.
fn relay() -> Result<(), Fail> {
    const HANDS: usize = 4;
    let (first, mut before) = channel::<()>();
    let mut threads = Vec::new();
    for _ in 0..HANDS {
        let (next, after) = channel();
        let from = std::mem::replace(&mut before, after);
        // Nobody may be left at the end of the relay.
        threads.push(std::thread::spawn(move || {
            while from.recv().is_ok() {
                let _ = next.send(());
            }
        }));
    }
    let source = std::thread::spawn(move || {
        let begin = Instant::now();
        while set_policy(Policy::Fifo(1)).is_ok()
            && begin.elapsed() < MEASURE
            && first.send(()).is_ok()
        {
            std::thread::sleep(FRAME);
        }
    });
    threads.push(source);
    for thread in threads {
        thread
            .join()
            .map_err(|_| Fail::failed("a thread of the relay panicked"))?;
    }
    drop(before);
    Ok(())
}

fn depth(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    grows(daemon.both("chain_depth", [1, 32], || {
        daemon.counted("wake_chain", relay)
    })?)
}

fn frame_window(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    grows(daemon.both("frame_window_us", [0, 20_000], || {
        daemon.counted("wake_chain", relay)
    })?)
}

/// Reports that a reader waits for.
fn mouse_window(daemon: &Daemon<'_>) -> Result<[u64; 2], Fail> {
    let mouse = Mouse::new("photon-guest mouse")?;
    let reader = Reader::open(mouse.node())?;
    let play = || {
        std::thread::scope(|scope| {
            let reading =
                scope.spawn(|| (0..REPORTS).try_for_each(|_| reader.read(|_| ()).map(drop)));
            for _ in 0..2 * REPORTS {
                std::thread::sleep(Duration::from_millis(2));
                mouse.report()?;
                if reading.is_finished() {
                    break;
                }
            }
            Ok(())
        })
    };
    grows(daemon.both("mouse_window_us", [0, 8000], || {
        daemon.counted("class_input", play)
    })?)
}

/// What is to be seen only while a game is played.
fn beside_a_game(daemon: &Daemon<'_>, effects: &mut Value) -> Result<(), Fail> {
    let mut game = family::start(daemon.ctx, None)?;
    let frames = Frames::start(game.stdin.take())?;
    std::thread::sleep(BEGIN);
    daemon.is("frame_budget_us", 9000)?;
    // Permille of the machine that is left to others.
    let others = || family::share(&game).map(|(percent, _)| 1000 - 10 * percent.min(100));
    let demoted = || daemon.counted("game_demoted", || others().map(drop));
    effects["game_class"] = json!(shrinks(daemon.both("game_class", [0, 1], others)?)?);
    effects["game_deadline_us"] = json!(grows(daemon.both(
        "game_deadline_us",
        [6000, 60_000],
        others
    )?)?);
    effects["batch_deadline_us"] = json!(shrinks(daemon.both(
        "batch_deadline_us",
        [10_000, 80_000],
        others
    )?)?);
    effects["batch_demotion"] = json!(grows(daemon.both("batch_demotion", [0, 1], demoted)?)?);
    // Nothing reaches the game any more: it is played for as long as it faces the player.
    daemon.set(&["facing_ms=100"])?;
    std::thread::sleep(VISIBLE);
    drop(frames);
    std::thread::sleep(4 * VISIBLE);
    match demoted()? {
        0 => effects["facing_ms"] = json!([0]),
        n => {
            return Err(Fail::failed(format!(
                "{n} demoted for a game that nobody looks at"
            )));
        }
    }
    game.kill()?;
    game.wait()?;
    std::thread::sleep(VISIBLE);
    daemon.is("frame_budget_us", 14_000)
}
