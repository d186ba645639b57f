// SPDX-License-Identifier: GPL-2.0-only
//! Stock Debian kernels, fetched and unpacked into the cache: the image and a handful of modules.

use crate::apt::Apt;
use crate::archive::{self, System};
use crate::kernel_name::{Flavour, Release, Series, choose};
use crate::{leftovers, modules, paths, shell};
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps every kernel series since 6.12, built for the release of that time.
const KERNEL_SUITES: &[&str] = &["trixie", "trixie-backports"];
const MODULES: &str = "linux-modules-";
const RECORD: &str = "kernel.json";
/// CONFIG_LOCALVERSION of `tests/vm/kernel.config`.
const BUILT: &str = "-photon";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kernel {
    /// As `uname -r` says.
    pub name: String,
    pub image: PathBuf,
    /// In the order they must be loaded.
    pub modules: Vec<PathBuf>,
    /// Those of the display, likewise.
    pub display_modules: Vec<PathBuf>,
    /// Those that a scenario loads.
    pub later_modules: Vec<PathBuf>,
    pub absent: Vec<String>,
    /// The list the modules were chosen by: a longer one later means unpacking again.
    wanted: Vec<String>,
}

impl Kernel {
    pub fn series(&self) -> String {
        self.name.split('.').take(2).collect::<Vec<_>>().join(".")
    }

    /// The numbers of its name, since 6.9 is older than 6.16.
    fn age(&self) -> Vec<u32> {
        let numbers = self.name.split(|c: char| !c.is_ascii_digit());
        numbers.filter_map(|n| n.parse().ok()).collect()
    }
}

/// The one that a command boots: of several series the newest.
pub fn newest_of(series: &Series, flavour: Flavour, mirror: Option<&str>) -> Result<Kernel> {
    let found = Kernels::open(mirror).and_then(|archive| archive.obtain(series, flavour));
    shell::infrastructure(found)?.pop().context("no kernel")
}

/// The oldest first, each once, in whatever order and however often they were named.
pub fn in_order(mut kernels: Vec<Kernel>) -> Vec<Kernel> {
    kernels.sort_by_cached_key(Kernel::age);
    kernels.dedup_by(|a, b| a.name == b.name);
    kernels
}

pub struct Kernels {
    apt: Apt,
    packages: Vec<String>,
    modules: Vec<String>,
}

impl Kernels {
    pub fn open(mirror: Option<&str>) -> Result<Kernels> {
        let system = System::detect();
        if !system.uses_apt() {
            bail!(
                "the test kernels are Debian packages, and this system has no apt; run on a kernel with sched_ext instead"
            );
        }
        let archive = archive::debian(&system, mirror)?;
        let suites: Vec<String> = KERNEL_SUITES.iter().map(|s| s.to_string()).collect();
        let apt = Apt::open(paths::cache("apt/kernels")?, &archive, &suites)?;
        let mut packages = apt.names("linux-image-")?;
        packages.extend(apt.names("linux-binary-")?);
        let modules = apt.names(MODULES)?;
        Ok(Kernels {
            apt,
            packages,
            modules,
        })
    }

    /// The newest kernel of the series; `all` gives several.
    pub fn obtain(&self, series: &Series, flavour: Flavour) -> Result<Vec<Kernel>> {
        let releases = choose(&self.packages, series, flavour);
        let built = |major, minor| match flavour {
            Flavour::Generic => built(major, minor),
            Flavour::Cloud => Ok(None),
        };
        if releases.is_empty() {
            if let Series::Exact(major, minor) = *series
                && let Some(kernel) = built(major, minor)?
            {
                return Ok(vec![kernel]);
            }
            bail!("the archive has no such kernel: series {series}, {flavour:?}");
        }
        let kernel = |release: &Release| {
            let (major, minor) = release.series();
            match built(major, minor)? {
                Some(kernel) => Ok(kernel),
                None => self.unpacked(release),
            }
        };
        releases.iter().map(kernel).collect()
    }

    /// The package of a series' source.
    pub fn source(&self, major: u32, minor: u32) -> Result<PathBuf> {
        let package = format!("linux-source-{major}.{minor}");
        self.apt.download(&package, &paths::cache("debs")?)
    }

    fn unpacked(&self, release: &Release) -> Result<Kernel> {
        let home = paths::cache("kernels")?.join(&release.name);
        if let Some(kernel) = cached(&home) {
            return Ok(kernel);
        }
        let store = paths::cache("debs")?;
        let mut files = Vec::new();
        for package in release.packages() {
            // Archives keep the modules of old series for a shorter time than the kernels themselves.
            if package.starts_with(MODULES) && !self.modules.contains(&package) {
                shell::step(&format!(
                    "the archive has no {package}: what is built in must do"
                ));
                continue;
            }
            files.push(self.apt.download(&package, &store)?);
        }
        shell::step(&format!("unpacking kernel {}", release.name));
        // In a place of this run's own, and whole before it is renamed: neither a run that is interrupted nor another one
        // at the same time leaves half a kernel behind.
        let places = paths::cache("unpacking")?;
        leftovers::remove(&places)?;
        let scratch = places.join(std::process::id().to_string());
        remove_dir(&scratch)?;
        std::fs::create_dir_all(&scratch)?;
        for file in &files {
            unpack(file, &scratch.join("tree"))?;
        }
        let kernel = moved(assemble(&release.name, &scratch)?, &scratch, &home);
        remove_dir(&scratch.join("tree"))?;
        let record = serde_json::to_string_pretty(&kernel)?;
        std::fs::write(scratch.join(RECORD), record)?;
        settle(&scratch, &home)?;
        Ok(kernel)
    }
}

/// The one of this series that `cargo xtask kernel` has built here, which is preferred to Debian's.
pub fn built(major: u32, minor: u32) -> Result<Option<Kernel>> {
    let beginning = format!("{major}.{minor}.");
    let homes = std::fs::read_dir(paths::cache("kernels")?)?.flatten();
    let is_ours = |name: &str| name.starts_with(&beginning) && name.ends_with(BUILT);
    Ok(homes
        .filter(|home| is_ours(&home.file_name().to_string_lossy()))
        .find_map(|home| cached(&home.path())))
}

/// Keeps one that was built. It has no modules: all it needs is in the image.
pub fn keep_built(name: &str, image: &Path) -> Result<Kernel> {
    let home = paths::cache("kernels")?.join(name);
    std::fs::create_dir_all(&home)?;
    let kernel = Kernel {
        name: name.to_string(),
        image: home.join("vmlinuz"),
        modules: Vec::new(),
        display_modules: Vec::new(),
        later_modules: Vec::new(),
        absent: Vec::new(),
        wanted: wanted(),
    };
    std::fs::copy(image, &kernel.image)?;
    std::fs::write(home.join(RECORD), serde_json::to_string_pretty(&kernel)?)?;
    Ok(kernel)
}

/// Moves what is unpacked to its place, unless another run was faster.
fn settle(scratch: &Path, home: &Path) -> Result<()> {
    if cached(home).is_some() {
        return remove_dir(scratch);
    }
    remove_dir(home)?;
    match std::fs::rename(scratch, home) {
        Err(_) if cached(home).is_some() => remove_dir(scratch),
        moved => moved.with_context(|| home.display().to_string()),
    }
}

fn cached(home: &Path) -> Option<Kernel> {
    let text = std::fs::read_to_string(home.join(RECORD)).ok()?;
    let kernel: Kernel = serde_json::from_str(&text).ok()?;
    let current = kernel.wanted == wanted() && kernel.image.exists();
    current.then_some(kernel)
}

fn wanted() -> Vec<String> {
    let all = modules::WANTED
        .iter()
        .chain(modules::DISPLAY)
        .chain(modules::LATER);
    all.map(|m| m.to_string()).collect()
}

fn remove_dir(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(e).with_context(|| dir.display().to_string())
        }
        _ => Ok(()),
    }
}

pub fn unpack(deb: &Path, into: &Path) -> Result<()> {
    std::fs::create_dir_all(into)?;
    shell::run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(into))
}

/// Picks image and modules out of the unpacked packages at `dir/tree`.
fn assemble(name: &str, dir: &Path) -> Result<Kernel> {
    let tree = dir.join("tree");
    let module_tree = tree.join("usr/lib/modules").join(name);
    // The one-package kernels put the image into /boot, the later ones beside the modules.
    let places = [
        tree.join("boot").join(format!("vmlinuz-{name}")),
        module_tree.join("vmlinuz"),
    ];
    let source = places
        .iter()
        .find(|p| p.exists())
        .context("the kernel package holds no vmlinuz")?;
    let image = dir.join("vmlinuz");
    std::fs::copy(source, &image)?;
    let loaded = modules::collect(&module_tree, &dir.join("modules"))?;
    Ok(Kernel {
        name: name.to_string(),
        image,
        modules: loaded.files,
        display_modules: loaded.display,
        later_modules: loaded.later,
        absent: loaded.absent,
        wanted: wanted(),
    })
}

fn moved(kernel: Kernel, from: &Path, to: &Path) -> Kernel {
    let place = |p: &PathBuf| {
        p.strip_prefix(from)
            .map(|rest| to.join(rest))
            .unwrap_or(p.clone())
    };
    Kernel {
        image: place(&kernel.image),
        modules: kernel.modules.iter().map(place).collect(),
        display_modules: kernel.display_modules.iter().map(place).collect(),
        later_modules: kernel.later_modules.iter().map(place).collect(),
        ..kernel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runs_unpack_one_kernel() {
        let dir = std::env::temp_dir().join(format!("photon-settle-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let home = dir.join("6.18");
        let kernel = Kernel {
            image: home.join("vmlinuz"),
            wanted: wanted(),
            ..unknown("6.18")
        };
        for run in ["1", "2"] {
            let scratch = dir.join(run);
            std::fs::create_dir_all(&scratch).unwrap();
            std::fs::write(scratch.join("vmlinuz"), run).unwrap();
            let record = serde_json::to_string(&kernel).unwrap();
            std::fs::write(scratch.join(RECORD), record).unwrap();
            settle(&scratch, &home).unwrap();
            assert!(cached(&home).is_some() && !scratch.exists());
        }
        assert_eq!(std::fs::read_to_string(home.join("vmlinuz")).unwrap(), "1");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    fn unknown(name: &str) -> Kernel {
        Kernel {
            name: name.to_string(),
            image: PathBuf::new(),
            modules: Vec::new(),
            display_modules: Vec::new(),
            later_modules: Vec::new(),
            absent: Vec::new(),
            wanted: Vec::new(),
        }
    }

    #[test]
    fn the_newest_kernel_is_not_the_last_one_named() {
        let named = [
            "7.3.4+deb13-amd64",
            "6.18.15+deb13-amd64",
            "6.9.1+deb13-amd64",
            "7.3.4+deb13-amd64",
        ];
        let ordered = in_order(named.iter().map(|name| unknown(name)).collect());
        let names: Vec<&str> = ordered.iter().map(|k| k.name.as_str()).collect();
        assert_eq!(names, [named[2], named[1], named[0]]);
    }
}
