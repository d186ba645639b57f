// SPDX-License-Identifier: GPL-2.0-only
//! The scenario registry and what every scenario gets and gives. To add one: a file in `scenarios/`, its `pub mod`
//! line in `scenarios/mod.rs`, and one line in `SCENARIOS` here. The host's job table decides where and how it runs.

use crate::protocol::{Event, Report, Status, send};
use crate::scenarios;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where PID 1 wants the report; unset when a person runs the scenario by hand.
pub const RESULT_ENV: &str = "PHOTON_RESULT";

pub type Outcome = Result<Value, Fail>;
type Run = fn(&Ctx) -> Outcome;

pub const SCENARIOS: &[(&str, Run)] = &[
    ("boot", scenarios::boot::run),
    ("attach", scenarios::attach::run),
    ("demo", scenarios::demo::run),
    ("bench", scenarios::bench::run),
    ("cost", scenarios::cost::run),
    ("critical_path", scenarios::critical_path::run),
    ("player_bench", scenarios::player_bench::run),
    ("layout", scenarios::layout::run),
    ("no_config", scenarios::no_config::run),
    ("no_probe", scenarios::no_probe::run),
    ("relay", scenarios::relay::run),
    ("spread", scenarios::spread::run),
    ("caches", scenarios::caches::run),
    ("uneven", scenarios::uneven::run),
    ("input", scenarios::input::run),
    ("input_classes", scenarios::input_classes::run),
    ("input_rings", scenarios::input_rings::run),
    ("input_lost", scenarios::input_lost::run),
    ("many_tasks", scenarios::many_tasks::run),
    ("probe_cost", scenarios::probe_cost::run),
    ("input_irq", scenarios::input_irq::run),
    ("irq_wake", scenarios::irq_wake::run),
    ("input_bound", scenarios::input_bound::run),
    ("taken", scenarios::taken::run),
    ("talk", scenarios::talk::run),
    ("tunables", scenarios::tunables::run),
    ("wait_bound", scenarios::wait_bound::run),
    ("counters", scenarios::counters::run),
    ("crowd", scenarios::crowd::run),
    ("spinners", scenarios::spinners::run),
    ("detach", scenarios::detach::run),
    ("display", scenarios::display::run),
    ("early", scenarios::early::run),
    ("ejection", scenarios::ejection::run),
    ("stall", scenarios::stall::run),
    ("family", scenarios::family::run),
    ("frequency", scenarios::frequency::run),
    ("kin", scenarios::kin::run),
    ("flags", scenarios::flags::run),
    ("frames", scenarios::frames::run),
    ("games", scenarios::games::run),
    ("held", scenarios::held::run),
    ("hostile", scenarios::hostile::run),
    ("hotplug", scenarios::hotplug::run),
    ("faults", scenarios::faults::run),
    ("soak", scenarios::soak::run),
    ("capabilities", scenarios::capabilities::run),
    ("killed", scenarios::killed::run),
    ("submitter", scenarios::submitter::run),
    ("submits", scenarios::submits::run),
    ("suspend", scenarios::suspend::run),
    ("plug", scenarios::plug::run),
    ("prefer", scenarios::prefer::run),
    ("privilege", scenarios::privilege::run),
    ("fault", scenarios::fault::run),
    ("refused", scenarios::refused::run),
    ("rescue", scenarios::rescue::run),
    ("cycles", scenarios::cycles::run),
    ("daemon_cost", scenarios::daemon_cost::run),
    ("why", scenarios::why::run),
    ("package", scenarios::package::run),
    ("lockdown", scenarios::lockdown::run),
    ("locks", scenarios::locks::run),
    ("look", scenarios::look::run),
];

pub struct Ctx {
    pub scx_photon: PathBuf,
    pub photon_bench: PathBuf,
    pub args: Vec<String>,
}

/// Why a scenario did not pass. A scenario that cannot run here (no device, no module) skips with a reason; the
/// host counts skips apart and never as passes.
#[derive(Debug)]
pub enum Fail {
    Failed(String),
    Skip(String),
}

impl Fail {
    pub fn skip(reason: impl Into<String>) -> Self {
        Fail::Skip(reason.into())
    }
    pub fn failed(reason: impl Into<String>) -> Self {
        Fail::Failed(reason.into())
    }
    /// The same, with where it happened in front.
    pub fn in_context(self, place: &str) -> Self {
        match self {
            Fail::Failed(reason) => Fail::Failed(format!("{place}: {reason}")),
            Fail::Skip(reason) => Fail::Skip(format!("{place}: {reason}")),
        }
    }
}

impl From<anyhow::Error> for Fail {
    fn from(e: anyhow::Error) -> Self {
        Fail::Failed(format!("{e:#}"))
    }
}

impl From<std::io::Error> for Fail {
    fn from(e: std::io::Error) -> Self {
        Fail::Failed(e.to_string())
    }
}

impl From<serde_json::Error> for Fail {
    fn from(e: serde_json::Error) -> Self {
        Fail::Failed(e.to_string())
    }
}

impl Ctx {
    /// Binaries come from the environment, from this program's own directory, or from `/bin`.
    fn new(args: &[String]) -> Self {
        Ctx {
            scx_photon: find_binary("SCX_PHOTON", "scx_photon"),
            photon_bench: find_binary("PHOTON_BENCH", "photon-bench"),
            args: args.to_vec(),
        }
    }

    /// The same without its arguments, so without sabotage.
    pub fn healthy(&self) -> Ctx {
        Ctx {
            scx_photon: self.scx_photon.clone(),
            photon_bench: self.photon_bench.clone(),
            args: Vec::new(),
        }
    }

    /// A line for whoever reads the console.
    pub fn log(&self, text: impl AsRef<str>) {
        println!("  {}", text.as_ref());
    }

    /// The value of `--name VALUE` among the arguments.
    pub fn option(&self, name: &str) -> Option<&str> {
        let at = self.args.iter().position(|a| a == name)?;
        self.args.get(at + 1).map(String::as_str)
    }

    /// Whether this stands among the arguments.
    pub fn flag(&self, name: &str) -> bool {
        self.args.iter().any(|arg| arg == name)
    }

    /// The number given as `--name N`, or the default.
    pub fn number(&self, name: &str, default: u64) -> Result<u64, Fail> {
        match self.option(name) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| Fail::failed(format!("{name} {text}: not a number"))),
        }
    }
}

fn find_binary(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let beside = std::env::current_exe()
        .ok()
        .and_then(|exe| Some(exe.parent()?.join(name)));
    match beside {
        Some(path) if path.exists() => path,
        _ => Path::new("/bin").join(name),
    }
}

/// Runs one scenario in this process.
pub fn report(name: &str, args: &[String]) -> Report {
    let outcome = match SCENARIOS.iter().find(|(known, _)| *known == name) {
        Some((_, run)) => run(&Ctx::new(args)),
        None => Err(Fail::failed(format!("no scenario is called {name}"))),
    };
    let (status, reason, metrics) = match outcome {
        Ok(metrics) => (Status::Pass, String::new(), metrics),
        Err(Fail::Failed(reason)) => (Status::Fail, reason, Value::Null),
        Err(Fail::Skip(reason)) => (Status::Skip, reason, Value::Null),
    };
    Report {
        status,
        reason,
        metrics,
        seconds: 0.0,
    }
}

/// The same, reported to PID 1, or to the person who called.
pub fn run_one(name: &str, args: &[String]) -> ExitCode {
    let report = report(name, args);
    let code = match report.status {
        Status::Fail => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    };
    match std::env::var_os(RESULT_ENV) {
        Some(path) => {
            let text = serde_json::to_string(&report).unwrap_or_default();
            if let Err(e) = std::fs::write(&path, text) {
                eprintln!("cannot write the report: {e}");
                return ExitCode::FAILURE;
            }
        }
        None => send(&Event::Result {
            job: name.to_string(),
            report,
        }),
    }
    code
}
