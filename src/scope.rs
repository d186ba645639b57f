// SPDX-License-Identifier: GPL-2.0-only
//! `--json` and `--config` may stand before a subcommand or behind it, but not every one prints JSON or reads a
//! configuration. The help of the others does not name the flag, and whoever types it is told in one line; so is he who
//! types one of the daemon's flags before a subcommand or beside --monitor, --clear-latch or --help-stats.

use clap::parser::ValueSource::CommandLine;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::cli::Cli;
use crate::config::Config;
use crate::failure::Failure;

const PRINT_JSON: &[&str] = &[
    "bench", "check", "compare", "games", "replay", "set", "status", "why",
];
const READ_CONFIG: &[&str] = &["check", "games"];
/// What the daemon's own flags are for.
const LOAD: &[&str] = &["check"];
/// Not the daemon's.
const EVERYWHERE: &[&str] = &["json", "config", "verbose"];
/// By their precedence: one that stands without a subcommand is one itself.
const MODES: &[&str] = &["help_stats", "clear_latch", "monitor"];
/// It starts a game, whatever valid flags stand before it: they are of no use there, and no reason to keep a game from
/// its player.
const RUN: &str = "run";

fn json() -> Arg {
    let arg = Arg::new("json").long("json").action(ArgAction::SetTrue);
    arg.help("JSON instead of text")
}

fn config() -> Arg {
    let arg = Arg::new("config").long("config").value_name("FILE");
    arg.value_parser(crate::cli::config)
        .help("Read tunables and rules for games from a file")
}

/// The flag where it is of no use; what file is named does not matter then.
fn idle(arg: Arg) -> Arg {
    match arg.get_id() == "config" {
        true => arg.value_parser(|_: &str| Ok::<_, String>(Config::default())),
        false => arg,
    }
    .hide(true)
}

fn flags(name: &str) -> [(Arg, bool); 2] {
    [
        (json(), PRINT_JSON.contains(&name)),
        (config(), READ_CONFIG.contains(&name)),
    ]
}

/// A subcommand takes the flags it has no use for as well: to refuse them.
pub fn parsed(all: Command) -> Command {
    all.mut_subcommands(|command| {
        let flags = flags(command.get_name()).map(|(arg, used)| if used { arg } else { idle(arg) });
        command.args(flags)
    })
}

/// For man pages and completions, which would show or offer the hidden ones.
pub fn documented(all: Command) -> Command {
    let here = |arg: Arg| arg.global(false);
    let all = all.mut_arg("json", here).mut_arg("config", here);
    all.mut_subcommands(|command| {
        let used = flags(command.get_name()).into_iter();
        command.args(used.filter_map(|(arg, used)| used.then_some(arg)))
    })
}

/// What to say of the first flag that was typed, tells the daemon how to work, and stands where there will be none.
pub fn idle_flag(command: &Command, matches: &ArgMatches) -> Option<String> {
    let typed = |id: &str| matches.value_source(id) == Some(CommandLine);
    let name = matches.subcommand_name();
    let mode = MODES.iter().copied().find(|id| typed(id));
    let without_use = |id: &str| match name {
        None => mode.is_some_and(|mode| mode != id),
        Some(name) => !LOAD.contains(&name) || MODES.contains(&id),
    };
    let mut idle = command.get_arguments().filter(|a| {
        let id = a.get_id().as_str();
        typed(id) && !EVERYWHERE.contains(&id) && without_use(id)
    });
    let flag = idle.next()?.get_long()?;
    let mode = mode.map(|id| format!("--{}", id.replace('_', "-")));
    let who = name.map(String::from).or(mode)?;
    Some(format!("--{flag}: {who} does not use it"))
}

pub fn refuse_idle(cli: &Cli) -> Result<(), Failure> {
    let name = cli.name.as_deref();
    if name == Some(RUN) {
        return Ok(());
    }
    if let Some(idle) = &cli.idle {
        return Err(Failure::Usage(idle.clone()));
    }
    let used_json = match name {
        Some(name) => PRINT_JSON.contains(&name),
        None => cli.stats.is_some() || cli.monitor.is_some(),
    };
    if cli.json && !used_json {
        let instead = name.map_or(
            "without --stats or --monitor it changes nothing",
            |_| "this command has no JSON",
        );
        return Err(Failure::Usage(format!("--json: {instead}")));
    }
    let used_config = match name {
        Some(name) => READ_CONFIG.contains(&name),
        None => cli.monitor.is_none() && !cli.clear_latch && !cli.help_stats,
    };
    if cli.config_file.is_none() || used_config {
        return Ok(());
    }
    let instead = match name {
        Some("bench") => "; scx_photon reads it by `scx_photon bench -- --config FILE`",
        _ => "",
    };
    Err(Failure::Usage(format!(
        "--config: this command reads no configuration{instead}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn shown(command: &Command) -> Vec<&str> {
        let args = command.get_arguments().filter(|a| !a.is_hide_set());
        let names = args.map(|a| a.get_id().as_str());
        names.filter(|n| ["json", "config"].contains(n)).collect()
    }

    #[test]
    fn a_flag_of_the_daemon_is_refused_where_it_changes_nothing() {
        let refused = |line: &str| {
            let cli = crate::cli::parse(line.split(' ')).expect(line);
            refuse_idle(&cli).err().map(|e| e.to_string())
        };
        for (line, flag) in [
            ("scx_photon --stats 1 status", "--stats"),
            ("scx_photon --no-input-probe why", "--no-input-probe"),
            ("scx_photon --slice-us 1000 set", "--slice-us"),
            ("scx_photon --clear-latch top", "--clear-latch"),
            ("scx_photon --monitor 1 --slice-us 2000", "--slice-us"),
            ("scx_photon --monitor 1 --clear-latch", "--monitor"),
            (
                "scx_photon --clear-latch --relaxed-maps true",
                "--relaxed-maps",
            ),
            ("scx_photon --help-stats --stats 1", "--stats"),
            ("scx_photon --clear-latch check", "--clear-latch"),
        ] {
            let said = refused(line).expect(line);
            assert!(said.starts_with(flag), "{line}: {said}");
        }
        for line in [
            "scx_photon --stats 1",
            "scx_photon --slice-us 1000 check",
            "scx_photon --slice-us 1000 --profile server",
            "scx_photon -v --monitor 1 --json",
            "scx_photon -v --clear-latch",
            "scx_photon --help-stats",
            "scx_photon -v --json status",
            "scx_photon --stats 1 run -- game",
        ] {
            assert_eq!(refused(line), None, "{line}");
        }
    }

    #[test]
    fn a_subcommand_shows_the_flags_it_uses() {
        let mut typed = parsed(Cli::command());
        let mut written = documented(Cli::command());
        for all in [&mut typed, &mut written] {
            all.build();
            assert_eq!(shown(all), ["json", "config"]);
            let known: Vec<_> = all.get_subcommands().map(Command::get_name).collect();
            for name in PRINT_JSON.iter().chain(READ_CONFIG).chain(&[RUN]) {
                assert!(known.contains(name), "{name}");
            }
            for command in all.get_subcommands().filter(|c| c.get_name() != "help") {
                let wanted = flags(command.get_name()).into_iter();
                let wanted: Vec<_> = wanted.filter(|(_, used)| *used).map(|(a, _)| a).collect();
                let wanted: Vec<_> = wanted.iter().map(|a| a.get_id().as_str()).collect();
                assert_eq!(shown(command), wanted, "{}", command.get_name());
            }
        }
        // Completions offer what is hidden, too.
        let metrics = written.find_subcommand("metrics").expect("it is one");
        assert!(metrics.get_arguments().all(|a| a.get_id() != "json"));
    }
}
