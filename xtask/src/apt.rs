// SPDX-License-Identifier: GPL-2.0-only
//! A private apt: its own lists, cache and status under the target directory, so that fetching a kernel or an
//! emulator changes nothing on the machine and needs no root.

use crate::archive::Archive;
use crate::shell;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// Kernels in backports change every few days; within a day a run needs no network.
const LISTS_FRESH: Duration = Duration::from_secs(24 * 60 * 60);
const SYSTEM_STATUS: &str = "/var/lib/dpkg/status";

pub struct Apt {
    dir: PathBuf,
}

impl Apt {
    /// An apt that knows exactly these suites of one archive.
    pub fn open(dir: PathBuf, archive: &Archive, suites: &[String]) -> Result<Apt> {
        for part in ["lists/partial", "cache/archives/partial", "etc/empty"] {
            std::fs::create_dir_all(dir.join(part))?;
        }
        std::fs::copy(SYSTEM_STATUS, dir.join("status")).context(SYSTEM_STATUS)?;
        let sources = sources_list(archive, suites);
        let changed = std::fs::read_to_string(dir.join("etc/sources.list"))
            .ok()
            .as_ref()
            != Some(&sources);
        std::fs::write(dir.join("etc/sources.list"), sources)?;
        let machine = shell::output(Command::new("apt-config").arg("dump"))?;
        std::fs::write(dir.join("apt.conf"), configuration(&dir, &machine))?;
        let apt = Apt { dir };
        if changed {
            // That of other sources, if there were any: their lists must not be gone on with.
            let _ = std::fs::remove_file(apt.stamp());
        }
        if !apt.is_fresh() {
            match apt.update() {
                Err(e) if apt.stamp().exists() => {
                    shell::step(&format!(
                        "going on with the package lists of an earlier day: {e:#}"
                    ));
                }
                updated => updated?,
            }
        }
        Ok(apt)
    }

    fn stamp(&self) -> PathBuf {
        self.dir.join("updated")
    }

    fn is_fresh(&self) -> bool {
        let modified = std::fs::metadata(self.stamp()).and_then(|m| m.modified());
        modified.is_ok_and(|at| {
            SystemTime::now()
                .duration_since(at)
                .is_ok_and(|age| age < LISTS_FRESH)
        })
    }

    fn update(&self) -> Result<()> {
        shell::step("reading the package lists (private apt state, nothing is installed)");
        // Else it goes on without what it could not fetch and calls that success: lists that are empty for a day.
        let update = ["-qq", "-o", "APT::Update::Error-Mode=any", "update"];
        shell::patiently(|| shell::run(self.command("apt-get").args(update)))?;
        std::fs::write(self.stamp(), "")?;
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("APT_CONFIG", self.dir.join("apt.conf"))
            .env("LC_ALL", "C.UTF-8");
        command
    }

    pub fn names(&self, prefix: &str) -> Result<Vec<String>> {
        let text = shell::output(self.command("apt-cache").args(["pkgnames", prefix]))?;
        Ok(text.lines().map(str::to_string).collect())
    }

    /// All versions of a package with the suite each comes from, newest first.
    pub fn versions(&self, package: &str) -> Result<Vec<(String, String)>> {
        let text = shell::output(self.command("apt-cache").args(["madison", package]))?;
        Ok(parse_madison(&text))
    }

    /// Downloads one package into a directory and returns the file.
    pub fn download(&self, package: &str, into: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(into)?;
        let before = debs(into)?;
        let beginning = format!("{package}_");
        if let Some(cached) = before
            .into_iter()
            .find(|p| file_name(p).starts_with(&beginning))
        {
            return Ok(cached);
        }
        shell::step(&format!("fetching {package}"));
        let fetch = || {
            let mut command = self.command("apt-get");
            shell::run(command.args(["-qq", "download", package]).current_dir(into))
        };
        // The lists may be of yesterday, and the package of today.
        if fetch().is_err() {
            self.update()?;
            shell::patiently(fetch)?;
        }
        let after = debs(into)?
            .into_iter()
            .find(|p| file_name(p).starts_with(&beginning));
        after.with_context(|| format!("apt-get download {package} left no file"))
    }

    /// Downloads a package and what it needs beyond what is installed.
    pub fn download_with_dependencies(&self, package: &str, suite: &str) -> Result<Vec<PathBuf>> {
        let arguments = [
            "-qq",
            "-y",
            "--download-only",
            "--no-install-recommends",
            "-t",
            suite,
            "install",
            package,
        ];
        shell::patiently(|| shell::run(self.command("apt-get").args(arguments)))?;
        debs(&self.dir.join("cache/archives"))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn debs(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "deb"));
    files.sort();
    Ok(files)
}

fn sources_list(archive: &Archive, suites: &[String]) -> String {
    let options = archive
        .signed_by
        .as_ref()
        .map(|k| format!("[signed-by={k}] "))
        .unwrap_or_default();
    suites
        .iter()
        .map(|suite| format!("deb {options}{} {suite} main\n", archive.uri))
        .collect()
}

/// Private directories, plus how this machine acquires files (proxies and the like). The machine's hooks are left
/// out: in container images `apt-get update` runs one that empties the system's package cache, which breaks any
/// installation that runs at the same time.
fn configuration(dir: &Path, machine: &str) -> String {
    let at = |name: &str, part: &str| format!("{name} \"{}\";\n", dir.join(part).display());
    let mut text = [
        at("Dir::State", "."),
        at("Dir::State::lists", "lists"),
        at("Dir::State::status", "status"),
        at("Dir::State::extended_states", "extended_states"),
        at("Dir::Cache", "cache"),
        at("Dir::Etc::sourcelist", "etc/sources.list"),
        at("Dir::Etc::sourceparts", "etc/empty"),
        at("Dir::Etc::preferencesparts", "etc/empty"),
        at("Dir::Etc::parts", "etc/empty"),
        "Dir::Etc::main \"/dev/null\";\nDir::Etc::preferences \"/dev/null\";\n".to_string(),
        // The files belong to whoever runs this, which apt's download user may not write for.
        "APT::Sandbox::User \"root\";\nAPT::Keep-Downloaded-Packages \"1\";\n".to_string(),
    ]
    .concat();
    let acquire = machine.lines().filter(|line| {
        line.starts_with("Acquire::")
            && ![
                "IndexTargets",
                "Changelogs",
                "CompressionTypes",
                "Languages",
                "cdrom",
            ]
            .iter()
            .any(|part| line["Acquire::".len()..].starts_with(part))
    });
    acquire.for_each(|line| text.push_str(&format!("{line}\n")));
    text.push_str("Acquire::Languages \"none\";\n");
    text
}

/// Lines of `package | version | uri suite/component architecture Packages`.
fn parse_madison(text: &str) -> Vec<(String, String)> {
    text.lines()
        .filter_map(|line| {
            let mut columns = line.split('|').map(str::trim).skip(1);
            let (version, source) = (columns.next()?, columns.next()?);
            let suite = source.split_whitespace().nth(1)?.split('/').next()?;
            (!source.ends_with("Sources")).then(|| (version.to_string(), suite.to_string()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_name_every_suite() {
        let archive = Archive {
            uri: "http://m.example/debian".into(),
            signed_by: Some("/k.gpg".into()),
        };
        let text = sources_list(&archive, &["trixie".into(), "trixie-backports".into()]);
        assert_eq!(
            text,
            "deb [signed-by=/k.gpg] http://m.example/debian trixie main\n\
             deb [signed-by=/k.gpg] http://m.example/debian trixie-backports main\n"
        );
    }

    #[test]
    fn proxies_stay_and_hooks_go() {
        let machine = "Acquire::http::Proxy \"http://p.example:3142\";\n\
                       Acquire::IndexTargets::deb-src \"\";\n\
                       APT::Update::Post-Invoke:: \"rm -f /var/cache/apt/archives/*.deb\";\n";
        let text = configuration(Path::new("/x"), machine);
        assert!(text.contains("Acquire::http::Proxy \"http://p.example:3142\";"));
        assert!(!text.contains("Post-Invoke") && !text.contains("IndexTargets"));
        assert!(text.contains("Dir::State::status \"/x/status\";"));
    }

    #[test]
    fn madison_gives_version_and_suite() {
        let text = " qemu-system-x86 | 1:10.0.2+ds-2 | http://m.example/debian trixie/main amd64 Packages\n\
                     qemu-system-x86 | 1:7.2 | http://m.example/debian bookworm/main Sources\n";
        assert_eq!(
            parse_madison(text),
            [("1:10.0.2+ds-2".to_string(), "trixie".to_string())]
        );
    }
}
