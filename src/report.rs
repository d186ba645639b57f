// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon report`: one archive for a bug report. Every file in it is listed,
//! with what it tells, before anything is written. No host name, user, serial
//! number, path or command line of anything but scx_photon is read; the names of
//! processes with frame threads are in, and said to be.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::caps;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::Output;
use crate::rundir::RUN_DIR;
use crate::say;
use crate::shutdown::end_with_the_reader;
use crate::status::Status;
use crate::topology::prefer::PreferCpus;
use crate::topology::{CpuMap, list};
use crate::view::View;
use crate::why::{self, Report};

/// Readable by its owner; what is done with it then is up to him.
const FILE_MODE: u32 = 0o600;
/// What of a file is taken at most: a dump of 512 CPUs has less.
const PART_MAX: u64 = 4 * 1024 * 1024;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The archive to make; one that exists is left alone
    #[arg(default_value = "scx_photon-report.tar")]
    pub file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

struct Part {
    name: &'static str,
    /// What it tells, for the list.
    tells: &'static str,
    bytes: Vec<u8>,
}

fn part(name: &'static str, tells: &'static str, bytes: impl Into<Vec<u8>>) -> Part {
    Part {
        name,
        tells,
        bytes: bytes.into(),
    }
}

/// What can be found out without a daemon.
fn machine() -> Result<Vec<Part>> {
    let status = Status::now();
    let topology =
        CpuMap::detect(&PreferCpus::Auto).map_or_else(|e| format!("{e:#}\n"), |map| order(&map));
    Ok(vec![
        part(
            "version.txt",
            "scx_photon's and the kernel's version",
            format!(
                "scx_photon {}\nLinux {}\n",
                scx_utils::build_id::full_version(env!("CARGO_PKG_VERSION")),
                caps::kernel_release()?
            ),
        ),
        part(
            "status.json",
            "what the kernel schedules by",
            serde_json::to_vec_pretty(&status)?,
        ),
        part(
            "capabilities.json",
            "what this kernel offers",
            serde_json::to_vec_pretty(&caps::detect())?,
        ),
        part("topology.txt", "CPUs and caches, in their order", topology),
    ])
}

/// The CPUs as the scheduler tries them.
fn order(map: &CpuMap) -> String {
    let mut out = map.describe() + "\n";
    let _ = writeln!(out, "in order: {}", list::show(&map.order));
    if let Some(first) = map.describe_order() {
        let _ = writeln!(out, "{first}");
    }
    for cpu in map.online() {
        let (llc, next, ring) = (map.llc[cpu], map.next_in_llc[cpu], map.ring[cpu]);
        let _ = writeln!(out, "cpu {cpu}: cache {llc}, then cpu {next}; ring {ring}");
    }
    out
}

/// How it ended last, if it did and we may know.
fn last_exit() -> Result<Option<Part>> {
    const TELLS: &str =
        "how it ended last, and the kernel's dump: names of tasks, by newer kernels their cgroups";
    let path = Path::new(RUN_DIR).join("last-exit");
    let file = match File::open(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| path.display().to_string())?,
    };
    let mut bytes = Vec::new();
    file.take(PART_MAX).read_to_end(&mut bytes)?;
    Ok(Some(part("last-exit.txt", TELLS, bytes)))
}

/// Root's files want root.
fn what_to_do(why: &anyhow::Error) -> &'static str {
    let io = why.downcast_ref::<io::Error>();
    match io.is_some_and(|e| e.kind() == ErrorKind::PermissionDenied) {
        true => "; run it with sudo",
        false => "",
    }
}

/// Flags without the directories of the files that they name: those may tell who somebody is.
pub fn without_directories(flags: &[String]) -> Vec<String> {
    let bare = |flag: &String| {
        let (name, value) = match flag.split_once('=') {
            Some((name, value)) => (format!("{name}="), value),
            None => (String::new(), flag.as_str()),
        };
        let last = value.rsplit('/').find(|part| !part.is_empty());
        name + last.unwrap_or(value)
    };
    flags.iter().map(bare).collect()
}

fn daemon() -> Result<Vec<Part>> {
    let mut client = Client::connect()?;
    daemon_parts(client.ask("view")?, &client.ask("why")?)
}

/// What the running daemon knows.
fn daemon_parts(mut view: View, report: &Report) -> Result<Vec<Part>> {
    view.flags = without_directories(&view.flags);
    Ok(vec![
        part(
            "flags.txt",
            "the running daemon's flags, paths without directories",
            view.flags.join(" ") + "\n",
        ),
        part(
            "view.json",
            "counters, delays, CPUs; names of processes with frame threads",
            serde_json::to_vec_pretty(&view)?,
        ),
        part(
            "why.txt",
            "stutters and causes; names of the threads involved",
            why::command::show(report, true),
        ),
        part(
            "why.json",
            "the same for tools",
            serde_json::to_vec_pretty(report)?,
        ),
    ])
}

/// The list that is shown before anything is written.
fn list(parts: &[Part]) -> String {
    let lines = parts
        .iter()
        .map(|p| format!("  {:<18} {:>8} bytes  {}\n", p.name, p.bytes.len(), p.tells));
    lines.collect()
}

fn archive(parts: &[Part], out: impl Write) -> Result<()> {
    let mut tar = tar::Builder::new(out);
    for p in parts {
        let mut header = tar::Header::new_gnu();
        header.set_size(p.bytes.len() as u64);
        header.set_mode(FILE_MODE);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        // No owner and no time: they would be somebody's.
        let path = Path::new("scx_photon-report").join(p.name);
        tar.append_data(&mut header, path, p.bytes.as_slice())?;
    }
    tar.into_inner()?.flush()?;
    Ok(())
}

fn agreed() -> Result<bool> {
    if !stdin().is_terminal() {
        let unasked = "nothing written: nobody can be asked here; --yes writes without asking";
        return Err(Failure::Usage(unasked.into()).into());
    }
    say::text("Write it? [y/N] ")?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

pub fn run(args: &Args) -> Result<()> {
    let mut parts = machine()?;
    let daemon = daemon();
    end_with_the_reader();
    match daemon {
        Ok(more) => parts.extend(more),
        Err(e) => say::line(format_args!("Without the daemon's part: {e:#}"))?,
    }
    match last_exit() {
        Ok(more) => parts.extend(more),
        Err(e) => say::line(format_args!(
            "Without the last exit: {e:#}{}",
            what_to_do(&e)
        ))?,
    }
    say::line(format_args!("{} is to hold:", args.file.display()))?;
    say::text(list(&parts))?;
    if !args.yes && !agreed()? {
        say::line("Nothing written; --yes writes without asking.")?;
        return Ok(());
    }
    write(&parts, &args.file)?;
    say::line("Written. Look into it before you send it.")?;
    Ok(())
}

/// The file is new, and his who has typed sudo: he is to send it.
fn write(parts: &[Part], path: &Path) -> Result<()> {
    let out = Output::create(path, FILE_MODE)?;
    archive(parts, out.file()).with_context(|| path.display().to_string())?;
    out.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ejection::{Exit, last_exit as last_exit_text};

    const HIS_FILE: &str = "/home/alice/games/photon.toml";

    #[test]
    fn the_archive_holds_what_the_list_says() {
        let parts = all_parts();
        let listed = list(&parts);
        let mut bytes = Vec::new();
        archive(&parts, &mut bytes).expect("writes");
        let mut tar = tar::Archive::new(bytes.as_slice());
        let mut names = Vec::new();
        for entry in tar.entries().expect("entries") {
            let entry = entry.expect("an entry");
            let header = entry.header();
            assert_eq!((header.uid().ok(), header.mtime().ok()), (Some(0), Some(0)));
            names.push(entry.path().expect("a path").display().to_string());
        }
        assert_eq!(names.len(), listed.lines().count());
        for p in &parts {
            assert!(listed.contains(p.name) && listed.contains(p.tells));
            assert!(names.contains(&format!("scx_photon-report/{}", p.name)));
        }
    }

    #[test]
    fn what_could_not_be_written_is_not_in_the_way() {
        let path = named("half");
        // No archive takes such a name.
        let bad = [part("a", "b", "c"), part("../a", "b", "c")];
        assert!(write(&bad, &path).is_err());
        write(&bad[..1], &path).expect("writes");
        // What was there before is left alone.
        assert!(write(&bad[..1], &path).is_err());
        assert!(path.exists());
        std::fs::remove_file(&path).expect("removes");
    }

    #[test]
    fn who_may_not_read_the_last_exit_is_told_to_be_root() {
        let said = |kind: ErrorKind| {
            let error = anyhow::Error::new(io::Error::from(kind)).context("last-exit");
            what_to_do(&error)
        };
        assert_eq!(said(ErrorKind::PermissionDenied), "; run it with sudo");
        assert_eq!(said(ErrorKind::NotADirectory), "");
    }

    fn named(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("photon-report-{name}-{}", std::process::id()))
    }

    /// Of a daemon that somebody has started from home, and whose kernel has ejected it.
    fn all_parts() -> Vec<Part> {
        let flags = [
            "--config",
            HIS_FILE,
            "--kconfig=/home/alice/k",
            "--slice-us",
        ];
        let flags = flags.map(String::from);
        let view = View {
            flags: flags.to_vec(),
            ..View::default()
        };
        let mut parts = machine().expect("a machine");
        parts.extend(daemon_parts(view, &Report::default()).expect("a daemon"));
        let dump = include_str!("../tests/corpus/dump/linux_7_3").to_string();
        let exit = Exit {
            dump,
            ..Exit::default()
        };
        let text = last_exit_text(&exit, "a stall", &flags).expect("a text");
        parts.push(part("last-exit.txt", "how it ended", text));
        parts
    }

    #[test]
    fn nothing_personal_is_in_it() {
        let parts = all_parts();
        let text: String = parts
            .iter()
            .map(|p| String::from_utf8_lossy(&p.bytes).into_owned())
            .collect();
        // Not because nothing is in it.
        let flags = "--config photon.toml --kconfig=k --slice-us\n";
        assert_eq!(text.matches(flags).count(), 2, "{text}");
        assert!(text.contains("runnable task stall") && text.contains("\"photon.toml\""));
        let uname = nix::sys::utsname::uname().expect("a name");
        let host = uname.nodename().to_string_lossy().into_owned();
        // A host called "vm" would be found in any text.
        if host.len() > 6 {
            assert!(!text.contains(&host), "{text}");
        }
        for private in ["/home/", "alice", "SUDO_USER", "machine-id"] {
            assert!(!text.contains(private), "{private}: {text}");
        }
    }
}
