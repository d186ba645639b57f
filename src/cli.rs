// SPDX-License-Identifier: GPL-2.0-only
//! What may be typed. Tunables are flags made from the list in
//! `src/bpf/tunables.def.h`; everything else is declared here.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use scx_utils::libbpf_clap_opts::LibbpfOpts;

use crate::config::{Config, Profile};
use crate::detect::rules::Rule;
use crate::libbpf;
use crate::recording::RecordArgs;
use crate::scope;
use crate::tables::{TUNABLES, Values};
use crate::topology::prefer::PreferCpus;
use crate::tuning::{Layers, RESET, assignment};

const AFTER_HELP: &str = "\
Exit codes:
  0  stopped on request            5  this kernel has no BTF
  1  unexpected error              6  another sched_ext scheduler is attached
  2  bad usage                     7  the kernel refused to load or attach
  3  not root                      8  ejected by the kernel
  4  this kernel has no sched_ext  9  compare, bench: a log cannot be used
                                  10  stays off: it was ejected in this boot
Those of `status` are its own: scx_photon status --help.

The service's flags: /etc/default/scx_photon. For --config: /usr/share/doc/scx*photon/examples/
(/usr/local/share of the archive).
Without a terminal: SysRq-S puts the default scheduler back, SysRq-D only dumps the state.
Not followed: CPU weights and quotas of cgroups (cpu.weight, cpu.max); nice is.";

/// A sched_ext CPU scheduler for gaming.
///
/// Needs no flags: it attaches, schedules every task of the machine, and puts
/// the default scheduler back when it is stopped (Ctrl-C, SIGTERM).
#[derive(Debug, Parser)]
#[command(name = "scx_photon", version = version(), after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Print statistics every SEC seconds while scheduling
    #[arg(long, value_name = "SEC", value_parser = seconds, help_heading = "Statistics")]
    pub stats: Option<f64>,

    /// Print the statistics of the running scx_photon every SEC seconds; attaches nothing
    #[arg(long, value_name = "SEC", value_parser = seconds, conflicts_with = "stats", help_heading = "Statistics")]
    pub monitor: Option<f64>,

    /// With --stats or --monitor: JSON instead of text
    #[arg(long, global = true, help_heading = "Statistics")]
    pub json: bool,

    /// Describe every statistic and exit
    #[arg(long, help_heading = "Statistics")]
    pub help_stats: bool,

    /// Do not hook input_event(): no input boost, no report counts
    #[arg(long, help_heading = "Probes")]
    pub no_input_probe: bool,

    /// Do not hook vblank events and GPU fences: displays are followed by behaviour alone
    #[arg(long, help_heading = "Probes")]
    pub no_display_probe: bool,

    /// Do not hook exec: games are found at the start, by `scx_photon run`, and beside a launcher every 15 s
    #[arg(long, help_heading = "Probes")]
    pub no_exec_probe: bool,

    /// Do not hook futex_wait(): the holder of a lock that a frame waits for is not helped
    #[arg(long, help_heading = "Probes")]
    pub no_lock_probe: bool,

    /// Let it start again after an ejection in this boot, and exit
    #[arg(long)]
    pub clear_latch: bool,

    /// Read tunables and rules for games from a file; a flag overrides its [tunables], its [[game]] sections override a flag
    #[arg(long, value_name = "FILE", value_parser = config, global = true)]
    pub config: Option<Config>,

    /// CPUs that frame work tries first: a list like 0-3,8, auto for what the machine's cores and caches say, or none
    #[arg(
        long = "prefer-cpus",
        value_name = "LIST",
        value_parser = str::parse::<PreferCpus>
    )]
    pub typed_prefer_cpus: Option<PreferCpus>,

    /// A set of values for the tunables; flags and the file count before it
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,

    /// More log lines, and libbpf's warnings; given twice, all messages of libbpf
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Size in bytes of the kernel's dump after an ejection, 1024 to 16777216; 0 for the kernel's default
    #[arg(long, value_name = "BYTES", value_parser = crate::ejection::dump_len, default_value = "0")]
    pub exit_dump_len: u32,

    /// Break something on purpose (test builds only)
    #[cfg(feature = "sabotage")]
    #[arg(long, value_name = "NAME")]
    pub sabotage: Option<crate::sabotage::Sabotage>,

    #[command(flatten, next_help_heading = "libbpf")]
    pub libbpf: LibbpfOpts,

    #[arg(skip)]
    pub tunables: Values,

    #[arg(skip)]
    pub rules: Vec<Rule>,

    /// The flag's, else the file's
    #[arg(skip)]
    pub prefer_cpus: PreferCpus,

    /// Where the tunables' values come from
    #[arg(skip)]
    pub layers: Layers,

    /// What SIGHUP has read again
    #[arg(skip)]
    pub config_file: Option<PathBuf>,

    /// The subcommand's
    #[arg(skip)]
    pub name: Option<String>,

    /// What to say of a flag of the daemon's that changes nothing there
    #[arg(skip)]
    pub idle: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what this kernel supports, without attaching; exits 0 or 1
    ///
    /// With --json: version and kernel; topology, in words; cpus, null if they cannot be told, with order (in which they
    /// are tried), text (the same in words) and, where some are better for a game than others, first, whole_cores and
    /// why; capabilities, each with name, present and without (what its absence means); layout, null if nothing could be
    /// loaded, with task_ctx_mod64 and cpu_ctx_mod64 (addresses modulo a cache line); runs; why_not, null if it does.
    Check,
    /// Compare the kernel's own scheduler and scx_photon on this machine: runs in turns, a verdict, a page with plots
    Bench(crate::bench::Args),
    /// Compare logs of your own games, by MangoHud, PresentMon or CapFrameX: two sides of any number of runs
    Compare(crate::compare::Args),
    /// Run a command and tell the scheduler that it is a game; needs no privileges
    Run {
        /// The command; as a launch option of Steam: scx_photon run -- %command%
        // Forgotten, the `--` must not cost anybody the start of a game: the first word ends our own flags.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            required = true,
            value_name = "COMMAND"
        )]
        command: Vec<OsString>,
    },
    /// Change tunables of the running scx_photon, until it stops; needs root. Without arguments: show all
    Set {
        /// A tunable and its new value; `NAME=reset` takes it back
        #[arg(value_name = "NAME=VALUE", value_parser = typed)]
        assignments: Vec<(String, String)>,
    },
    /// Say which of the running processes look like a game, and why; attaches nothing
    ///
    /// It judges by the processes alone. The daemon also knows what `run` registered, who draws and whom input reaches.
    ///
    /// With --json: decision, with game (its process, or null), members (it and its family) and verdicts, each with pid,
    /// name, role and why; and procs, all processes as they were judged, each with pid, parent, uid, comm, args, cgroup,
    /// categories (of its desktop entry) and seen, with submits (GPU fences a second), faces (the player, of late) and
    /// registered (by `run`), none of which it has here. It holds everybody's command lines: look into it before you show
    /// it to anybody.
    Games,
    /// Write man pages and shell completions into a directory: for packages
    #[command(hide = true)]
    Assets {
        /// A directory that exists
        #[arg(value_name = "DIR")]
        dir: std::path::PathBuf,
    },
    /// Say in one line, in about 6 ms, which scheduler is in charge; for panels and MangoHud's exec
    ///
    /// Exits 0 if scx_photon schedules, 10 if the kernel's own scheduler does, 11 if another sched_ext scheduler does,
    /// 12 if scx_photon is attached but nobody listens at its socket, 4 if this kernel has no sched_ext.
    ///
    /// With --json: scheduling (scx_photon is in charge, by the kernel's word); state, ops, enable_seq, nr_rejected and
    /// switch_all, as in /sys/kernel/sched_ext, null where that has none; latched (it was ejected in this boot and stays
    /// off); heartbeat (answers, busy or silent); and daemon, null without an answer: pid, uptime_s, process (whose
    /// frames it looks at, empty without one), frame_ms (their median interval), stutters (how many it remembers).
    Status,
    /// Say why each of the last 300 stuttering frames since the attach took so long; needs no root
    ///
    /// With --json: at_ns (of the newest record, CLOCK_MONOTONIC); process, tgid, pacer and pacer_pid (whose frames are
    /// looked at, and the thread that paces them); frames and seconds (of this process); frame_ms and source_to_frame_ms
    /// (quantiles); causes (how many of each); stutters, each with at_ns, process, tgid, frame_ms, usual_ms, work_ms (from
    /// its source to its last link), ran_ms, waited_ms and slept_ms (of its critical path), cause and waits.
    Why {
        /// Also how the frame's time was spent, and its longest waits
        #[arg(long)]
        details: bool,
    },
    /// Look at the running scx_photon, or at a recording, in the terminal; needs no root
    Top {
        /// Draw from a file that `record` has made
        #[arg(long, value_name = "FILE")]
        replay: Option<PathBuf>,
    },
    /// Write what `top` shows into a file; needs no root
    Record(RecordArgs),
    /// Print a recording: statistics, stutters and their causes
    Replay {
        /// The file that `record` has made
        file: PathBuf,
    },
    /// Put what a bug report needs into one archive, after listing it
    Report(crate::report::Args),

    /// Print the statistics of the running scx_photon once, as OpenMetrics text; needs no root
    Metrics,
}

fn version() -> String {
    scx_utils::build_id::full_version(env!("CARGO_PKG_VERSION"))
}

/// The value of `--config`: the file's content, checked.
pub fn config(path: &str) -> Result<Config, String> {
    Config::read(path.as_ref())
}

/// `NAME=VALUE`, checked as the daemon will check it, and as short as it can be said: a request has its bounds.
fn typed(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let (name, value) = assignment(name, value).map_err(|e| e.to_string())?;
    Ok((name.into(), value.map_or(RESET.into(), |v| v.to_string())))
}

/// A period in seconds: at least a hundredth, at most a day.
pub fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.01..=86400.0).contains(&s) => Ok(s),
        _ => Err("expected seconds between 0.01 and 86400".into()),
    }
}

fn tunable_args() -> impl Iterator<Item = Arg> {
    TUNABLES.iter().map(|t| {
        let help = format!(
            "{} [{} to {} {}, default {}]",
            t.help, t.min, t.max, t.unit, t.default
        );
        Arg::new(t.name)
            .long(t.flag())
            .value_name(t.unit.to_uppercase())
            .value_parser(move |text: &str| t.parse(text))
            .help_heading("Tunables")
            .help(help)
    })
}

fn all() -> clap::Command {
    libbpf::checked(Cli::command().args(tunable_args()))
}

/// The whole command: for parsing and for help.
pub fn command() -> clap::Command {
    scope::parsed(all())
}

/// The same for the man pages and completions.
pub fn documented() -> clap::Command {
    scope::documented(all()).propagate_version(true)
}

fn layers(matches: &ArgMatches, file: Config, profile: Profile) -> Layers {
    let flag = |name: &str| Some((name.to_string(), *matches.get_one::<u64>(name)?));
    let flags = TUNABLES.iter().filter_map(|t| flag(t.name)).collect();
    Layers::new(flags, file, profile)
}

/// Parses the arguments; the first is the program's name.
pub fn parse<I, T>(args: I) -> Result<Cli, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    let config = cli.config.take().unwrap_or_default();
    cli.rules.clone_from(&config.rules);
    let typed = cli.typed_prefer_cpus.clone();
    cli.prefer_cpus = typed.unwrap_or_else(|| config.prefer_cpus.clone());
    cli.config_file = matches
        .get_raw("config")
        .and_then(|mut v| Some(v.next()?.into()));
    cli.layers = layers(&matches, config, cli.profile);
    cli.tunables = cli.layers.values();
    cli.name = matches.subcommand_name().map(String::from);
    cli.idle = scope::idle_flag(&command, &matches);
    Ok(cli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn no_flags_means_defaults() {
        let cli = parse(["scx_photon"]).expect("no flags");
        assert_eq!(cli.tunables, Values::default());
        assert!(cli.tunables.changed().is_empty());
    }

    #[test]
    fn every_tunable_is_a_flag() {
        for (i, t) in TUNABLES.iter().enumerate() {
            let flag = format!("--{}={}", t.flag(), t.max);
            let cli = parse(["scx_photon", &flag]).expect(t.name);
            assert_eq!(cli.tunables.0[i], t.max, "{flag}");
            let flag = format!("--{}={}", t.flag(), t.max + 1);
            let err = parse(["scx_photon", &flag]).expect_err(t.name);
            assert_eq!(err.exit_code(), 2);
            assert!(err.to_string().contains("out of range"), "{err}");
        }
    }

    #[test]
    fn flags_come_before_the_file_and_the_file_before_the_profile() {
        let file = std::env::temp_dir().join(format!("photon-config-{}.toml", std::process::id()));
        std::fs::write(&file, "[tunables]\nslice_us = 3000\n").expect("a file");
        let path = file.display().to_string();
        let slice = |flags: &[&str]| {
            let args = ["scx_photon"].iter().chain(flags);
            let cli = parse(args.copied().map(String::from)).expect("good flags");
            cli.tunables.0[TUNABLES
                .iter()
                .position(|t| t.name == "slice_us")
                .expect("slice_us")]
        };
        assert_eq!(slice(&["--profile", "powersave"]), 8000);
        assert_eq!(slice(&["--profile", "powersave", "--config", &path]), 3000);
        assert_eq!(slice(&["--slice-us", "2000", "--config", &path]), 2000);
        std::fs::write(&file, "[tunables]\nslice_us = 1\n").expect("a file");
        let err = parse(["scx_photon", "--config", &path]).expect_err("out of range");
        assert_eq!(err.exit_code(), 2);
        assert!(err.to_string().contains("500 to 20000 us"), "{err}");
        std::fs::remove_file(&file).expect("it was there");
    }

    #[test]
    fn preferred_cpus_are_a_flag_or_in_the_file() {
        let file = std::env::temp_dir().join(format!("photon-prefer-{}.toml", std::process::id()));
        std::fs::write(&file, "prefer_cpus = \"none\"\n").expect("a file");
        let path = file.display().to_string();
        let wanted = |flags: &[&str]| {
            let args = ["scx_photon"].iter().chain(flags).copied();
            Ok::<_, clap::Error>(parse(args.map(String::from))?.prefer_cpus)
        };
        let list = PreferCpus::List(vec![0, 1]);
        assert_eq!(wanted(&[]).expect("no flag"), PreferCpus::Auto);
        assert_eq!(
            wanted(&["--config", &path]).expect("good"),
            PreferCpus::None
        );
        let both = ["--config", &path, "--prefer-cpus", "0-1"];
        assert_eq!(wanted(&both).expect("good"), list);
        let error = wanted(&["--prefer-cpus", "3-1"]).expect_err("no range");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("3-1 is no range"), "{error}");
        std::fs::write(&file, "prefer_cpus = \"0-\"\n").expect("a file");
        let error = wanted(&["--config", &path]).expect_err("no range");
        assert!(error.to_string().contains("is no CPU"), "{error}");
        std::fs::remove_file(&file).expect("it was there");
    }

    #[test]
    fn periods_are_checked() {
        for bad in ["0", "-1", "x", "nan", "1e9", ""] {
            assert!(parse(["scx_photon", "--stats", bad]).is_err(), "{bad}");
        }
        assert!(parse(["scx_photon", "--stats", "0.5"]).is_ok());
        assert!(parse(["scx_photon", "--stats", "1", "--monitor", "1"]).is_err());
    }
}
