// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon bench`: does it help on *this* machine? The kernel's own scheduler and scx_photon in turns, under the
//! game in a box or under the player's own game, with enough runs for an interval and one sentence at the end.

mod arm;
mod game;
mod model;

use std::io::{Write, stderr, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use photon_bench::logs::Run;
use photon_bench::sides::{self, HEADLINE, MODEL_HEADLINE, Pairing, Side, text};
use photon_bench::stats::MIN_RUNS;
use photon_bench::sys::signal;

use crate::caps;
use crate::cli;
use crate::compare::with_json_names;
use crate::failure::Failure;
use crate::latch;
use crate::output::Output;
use crate::scope;
use arm::Subject;

const OWN: &str = "scx_photon";
/// Of kernels with the BORE patch, CachyOS's among them: 1 where it is on.
const BORE: &str = "/proc/sys/kernel/sched_bore";

#[derive(Debug, clap::Args)]
#[command(after_help = with_json_names!("\
Runs go A B B A A B ..., so that a machine that warms up favours nobody. Before and
after each run the kernel is asked which scheduler is attached. However it ends,
Ctrl-C included, the kernel's own scheduler is back.

Your own game: start it and MangoHud (log_interval=0), then
  sudo scx_photon bench --logs ~/mangologs
and log the same scene whenever it asks."))]
pub struct Args {
    /// The game in the box: 60v, 144, 480u, loading, native, proton, ...
    #[arg(long, value_name = "NAME", default_value = "60v")]
    profile: String,
    /// What runs beside it: none, hogs, compile, shader, ..., with amounts as in hogs:2,ipc:10
    #[arg(long, value_name = "LIST", default_value = "compile")]
    background: String,
    /// Measured seconds a run
    #[arg(long, value_name = "SEC", value_parser = crate::cli::seconds, default_value = "10")]
    seconds: f64,
    /// Seconds before that
    #[arg(long, value_name = "SEC", value_parser = crate::cli::seconds, default_value = "2")]
    settle: f64,
    /// Runs a side
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Your own game instead: the directory MangoHud writes its logs to
    #[arg(long, value_name = "DIR", conflicts_with_all = ["profile", "background", "seconds", "settle"])]
    logs: Option<PathBuf>,
    /// Compare the kernel's own scheduler with itself: what chance alone makes here
    #[arg(long)]
    control: bool,
    /// Where the page with plots goes
    #[arg(long, value_name = "FILE", default_value = "scx_photon-bench.html")]
    html: PathBuf,
    /// Flags for scx_photon
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<String>,
}

/// Which side each run is of: A B, B A, A B, ...
fn order(runs: u32) -> Vec<usize> {
    (0..runs)
        .flat_map(|pair| if pair % 2 == 0 { [0, 1] } else { [1, 0] })
        .collect()
}

/// What the kernel schedules by without us.
fn kernels_own() -> &'static str {
    let bore = std::fs::read_to_string(BORE).is_ok_and(|on| on.trim() == "1");
    if bore { "BORE" } else { "EEVDF" }
}

/// As the scx_photon under test will read them: a wrong one is told before the first run, not in the second.
fn check(flags: &[String]) -> Result<(), Failure> {
    let typed = std::iter::once(OWN).chain(flags.iter().map(String::as_str));
    let ends = "with these it schedules nothing";
    let wrong = |e: clap::Error| match e.exit_code() {
        // Help, or the version.
        0 => ends.to_string(),
        _ => e.to_string().lines().next().unwrap_or_default().into(),
    };
    let usage = |why: String| {
        let why = why.trim_start_matches("error: ");
        Failure::Usage(format!("behind `--`: {why}"))
    };
    let cli = cli::parse(typed).map_err(|e| usage(wrong(e)))?;
    scope::refuse_idle(&cli).map_err(|e| usage(e.to_string()))?;
    let mode = cli.help_stats || cli.clear_latch || cli.monitor.is_some();
    match mode || cli.command.is_some() {
        true => Err(usage(ends.into())),
        false => Ok(()),
    }
}

pub fn run(args: &Args, as_json: bool) -> Result<()> {
    check(&args.flags)?;
    let source = match &args.logs {
        Some(dir) => Source::Game(game::Logs::watch(dir)?),
        None => Source::Model(Box::new(model::Model::new(args)?)),
    };
    if let Some(why) = caps::blocker().or_else(latch::blocker) {
        return Err(why.into());
    }
    // From here on there is something to put back.
    signal::install_stop()?;
    // Before the first run: a page that cannot be written is no end for minutes of them.
    let page = Output::create_or_open(&args.html)?;
    let kernels = kernels_own();
    let other = match args.control {
        true => format!("{kernels} again"),
        false => OWN.to_string(),
    };
    let names = [kernels.to_string(), other];
    let mut sides = names.clone().map(|name| Side {
        name,
        runs: Vec::new(),
    });
    let order = order(args.runs);
    for (index, side) in order.iter().enumerate() {
        let what = format!("run {} of {}, {}", index + 1, order.len(), names[*side]);
        tell(&what);
        let mut subject = match names[*side].as_str() {
            OWN => Subject::photon(&args.flags)?,
            _ => Subject::kernel(),
        };
        subject.verify()?;
        let seed = sides[*side].runs.len() as u64 + 1;
        let run = source.measure(seed).with_context(|| what.clone());
        if signal::stop_requested() {
            bail!("interrupted");
        }
        // Why the scheduler is gone says more than what the run made of it.
        subject.verify()?;
        subject.stop()?;
        sides[*side].runs.push(run?);
    }
    report(args, page, &source, &sides, as_json, &mut stdout())
}

/// Progress. That nobody reads it is no reason to lose the runs.
fn tell(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

fn report(
    args: &Args,
    page: Output,
    source: &Source,
    sides: &[Side; 2],
    as_json: bool,
    out: &mut impl Write,
) -> Result<()> {
    let [a, b] = sides;
    let rows = sides::compare(a, b, Pairing::ByOrder);
    let headline = match source {
        Source::Model(_) => MODEL_HEADLINE,
        Source::Game(_) => HEADLINE,
    };
    let verdict = sides::verdict(&rows, headline, a, b);
    let remarks = source.remarks(args.runs)?;
    let html = sides::page::render(&rows, a, b, &verdict, &remarks);
    // Neither is to be lost with the other: the runs took minutes.
    let written = page.replace(&html);
    let mut words = match as_json {
        true => format!("{}\n", text::json(&rows, a, b, &verdict)),
        false => text::table(&rows, a, b, &verdict),
    };
    if !as_json {
        let plots = format!("The plots: {}", args.html.display());
        let plots = written.is_ok().then_some(plots);
        words.extend(remarks.into_iter().chain(plots).map(|r| format!("  {r}\n")));
    }
    let printed = out.write_all(words.as_bytes()).and_then(|()| out.flush());
    written.and(printed.context("printing the figures"))
}

enum Source {
    Model(Box<model::Model>),
    Game(game::Logs),
}

impl Source {
    fn measure(&self, seed: u64) -> Result<Run> {
        match self {
            Source::Model(model) => model.measure(seed),
            Source::Game(logs) => logs.next(),
        }
    }

    /// How the figures came about.
    fn remarks(&self, runs: u32) -> Result<Vec<String>> {
        let mut remarks = vec![format!(
            "Linux {}, {runs} runs a side in turns (A B B A), compared in pairs.",
            caps::kernel_release()?
        )];
        match self {
            Source::Model(model) => remarks.extend(model.remarks()),
            Source::Game(_) => remarks.push("Your own game, by MangoHud's logs.".to_string()),
        }
        if runs < MIN_RUNS as u32 {
            remarks.push(format!("Fewer than {MIN_RUNS} runs a side allow no claim."));
        }
        remarks.push("The kernel's own scheduler is attached again.".to_string());
        Ok(remarks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::path::Path;

    fn args(line: &[&str]) -> Args {
        let cli = crate::cli::parse(["scx_photon", "bench"].iter().chain(line));
        match cli.expect("good flags").command {
            Some(crate::cli::Command::Bench(args)) => args,
            other => panic!("{other:?}"),
        }
    }

    /// `bench | head`, or into a full file.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_page_is_there_without_a_reader_of_the_figures() {
        let name = format!("photon-bench-{}.html", std::process::id());
        let file = std::env::temp_dir().join(name);
        let args = args(&["--html", &file.display().to_string()]);
        let sides = ["a", "b"].map(|name| Side {
            name: name.into(),
            runs: vec![
                Run {
                    times: vec![10.0, 11.0, 12.0],
                    ..Run::default()
                };
                MIN_RUNS
            ],
        });
        let source = Source::Game(game::Logs::watch(Path::new("/")).expect("a directory"));
        let page = || Output::create_or_open(&file).expect("a page");
        let error = report(&args, page(), &source, &sides, false, &mut Closed);
        let error = format!("{:#}", error.expect_err("nobody reads"));
        assert!(error.starts_with("printing the figures: "), "{error}");
        let html = std::fs::read_to_string(&file).expect("it is there");
        assert!(html.ends_with("</html>\n"), "{html}");
        let mut out = Vec::new();
        report(&args, page(), &source, &sides, false, &mut out).expect("prints");
        let text = String::from_utf8(out).expect("text");
        let last = format!("  The plots: {}\n", file.display());
        assert!(text.ends_with(&last), "{text}");
        std::fs::remove_file(&file).expect("it was there");
    }

    #[test]
    fn flags_with_which_nothing_is_scheduled_are_told() {
        let checked = |flags: &[&str]| {
            let flags: Vec<String> = flags.iter().map(ToString::to_string).collect();
            check(&flags).map_err(|e| (e.exit_code(), e.to_string()))
        };
        assert_eq!(checked(&[]), Ok(()));
        let good = ["--no-input-probe", "--slice-us", "2000", "--stats", "1"];
        assert_eq!(checked(&good), Ok(()));
        let ends = "with these it schedules nothing";
        for (flags, why) in [
            (&["--no-such"][..], "unexpected argument '--no-such' found"),
            (&["--json"], "--json: without --stats or --monitor"),
            (&["--slice-us", "1", "check"], "invalid value '1' for"),
            (&["check"], ends),
            (&["--monitor", "1"], ends),
            (&["--clear-latch"], ends),
            (&["--help"], ends),
            (&["-V"], ends),
        ] {
            let (code, said) = checked(flags).expect_err("no such flags");
            assert_eq!(code, 2, "{flags:?}");
            let wanted = format!("behind `--`: {why}");
            assert!(said.starts_with(&wanted), "{flags:?}: {said}");
            assert_eq!(said.lines().count(), 1, "{said}");
        }
    }

    #[test]
    fn turns_are_balanced() {
        assert_eq!(order(3), [0, 1, 1, 0, 0, 1]);
        for runs in 1..9 {
            let second = order(runs).iter().filter(|s| **s == 1).count();
            assert_eq!(second, runs as usize);
        }
    }
}
