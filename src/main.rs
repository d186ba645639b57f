// SPDX-License-Identifier: GPL-2.0-only
//! scx_photon: parse, run, exit code. `src/bpf/main.bpf.c` is where to start
//! reading.
#![deny(clippy::print_stdout)] // `say` tells of a full disk

mod announce;
mod assets;
mod bench;
mod bpf;
mod caps;
mod channel;
mod check;
mod cli;
mod client;
mod clock;
mod compare;
mod config;
mod daemon;
mod detect;
mod display;
mod drain;
mod ejection;
mod event;
mod exec;
#[cfg(test)]
mod explained;
mod failure;
#[cfg(test)]
mod fuzz;
mod games;
mod lane;
mod lanes;
mod latch;
mod libbpf;
mod lines;
mod loader;
mod lock;
mod logging;
mod metrics;
mod model;
mod monitor;
mod notify;
mod output;
mod printable;
mod privilege;
mod probe;
mod probes;
mod rate;
mod recording;
mod refusal;
mod register;
mod report;
mod rundir;
#[cfg(feature = "sabotage")]
mod sabotage;
mod say;
mod scope;
mod server;
mod set;
mod shutdown;
mod snapshot;
mod socket;
mod socket_name;
mod stats;
mod status;
mod tables;
mod ticker;
mod top;
mod topology;
mod tuning;
mod unix_socket;
mod view;
mod why;

use std::process::ExitCode;

use anyhow::Result;
use photon_bench::background::{JOB_COMMAND, job_main};

use cli::{Cli, Command};
use shutdown::{Shutdown, end_with_the_reader};

fn main() -> ExitCode {
    // A job of the bench's compile background: no command line is parsed, it must start fast.
    if std::env::args_os().nth(1).is_some_and(|a| a == JOB_COMMAND) {
        let args: Vec<String> = std::env::args().skip(2).collect();
        std::process::exit(job_main(&args).unwrap_or(1));
    }
    // So with what a panel asks again and again.
    if std::env::args_os().skip(1).eq(["status"]) {
        return finish(status::run(false).map(ExitCode::from));
    }
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        // Help and version are not errors; clap prints to the right stream.
        Err(e) => e.exit(),
    };
    finish(run(&cli))
}

fn finish(ended: Result<ExitCode>) -> ExitCode {
    match ended {
        Ok(code) => {
            logging::end(None);
            code
        }
        Err(e) => {
            logging::end(Some(&format!("scx_photon: {e:#}")));
            ExitCode::from(failure::exit_code(&e))
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    logging::start(cli.verbose)?;
    scope::refuse_idle(cli)?;
    if cli.help_stats {
        end_with_the_reader();
        say::text(stats::describe())?;
        return Ok(ExitCode::SUCCESS);
    }
    if cli.clear_latch {
        let held = latch::clear()?;
        end_with_the_reader();
        let was = if held {
            "may start again"
        } else {
            "was not held back"
        };
        say::line(format_args!("scx_photon {was}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(command) = &cli.command {
        return run_command(cli, command);
    }
    // First: a signal that comes meanwhile waits.
    let shutdown = Shutdown::install()?;
    privilege::drop_unneeded();
    match cli.monitor {
        Some(seconds) => monitor::run(seconds, cli.json, |time| shutdown.ends_within(time))?,
        None => {
            logging::in_background(cli.verbose)?;
            tuning::warn_of_reload(cli);
            daemon::run(cli, &shutdown)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn run_command(cli: &Cli, command: &Command) -> Result<ExitCode> {
    if matches!(
        command,
        Command::Check | Command::Compare(_) | Command::Games | Command::Replay { .. }
    ) {
        end_with_the_reader();
    }
    match command {
        Command::Check => {
            let runs = check::run(cli)?;
            return Ok(ExitCode::from(u8::from(!runs)));
        }
        Command::Assets { dir } => assets::write(dir)?,
        Command::Bench(args) => bench::run(args, cli.json)?,
        Command::Compare(args) => compare::run(args, cli.json)?,
        Command::Status => return Ok(ExitCode::from(status::run(cli.json)?)),
        Command::Why { details } => why::command::run(*details, cli.json)?,
        Command::Metrics => metrics::run()?,
        Command::Top { replay } => top::run(replay.as_deref(), &Shutdown::install()?)?,
        Command::Report(args) => report::run(args)?,
        Command::Record(args) => {
            let shutdown = Shutdown::install()?;
            recording::record(args, |time| shutdown.ends_within(time))?;
        }
        Command::Replay { file } => recording::replay(file, cli.json)?,
        Command::Set { assignments } => set::run(assignments, cli.json)?,
        Command::Run { command } => return Err(register::run(command)),
        Command::Games => detect::show::run(&cli.rules, cli.json)?,
    }
    Ok(ExitCode::SUCCESS)
}
