// SPDX-License-Identifier: GPL-2.0-only
//! The one list of installed files. A package format adds its own papers and nothing else.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use flate2::{Compression, GzBuilder};

use crate::{assets, debian, notices, source};

const PROGRAM: u32 = 0o755;
const TEXT: u32 = 0o644;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Flavour {
    Debian,
    Redhat,
    Arch,
    Nix,
    /// Below /usr/local, for systems whose /usr is read-only.
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Plain,
    /// An administrator's: an upgrade keeps changes, a purge removes it.
    Config,
    Documentation,
    License,
}

pub struct Entry {
    /// Absolute.
    pub path: String,
    pub mode: u32,
    pub kind: Kind,
    pub data: Vec<u8>,
}

pub struct Tree {
    pub flavour: Flavour,
    /// By path.
    pub entries: Vec<Entry>,
}

impl Flavour {
    /// What the distribution calls the directories.
    fn prefix(self) -> &'static str {
        match self {
            Flavour::Debian | Flavour::Redhat | Flavour::Arch => "/usr",
            Flavour::Nix => "",
            Flavour::Local => "/usr/local",
        }
    }

    fn units(self) -> &'static str {
        match self {
            Flavour::Local => "/etc/systemd/system",
            Flavour::Nix => "/lib/systemd/system",
            _ => "/usr/lib/systemd/system",
        }
    }

    fn zsh(self) -> &'static str {
        match self {
            Flavour::Debian => "share/zsh/vendor-completions",
            _ => "share/zsh/site-functions",
        }
    }
}

impl Tree {
    pub fn of(binary: &Path, flavour: Flavour) -> Result<Tree> {
        let program = std::fs::read(binary).with_context(|| binary.display().to_string())?;
        Tree::from(program, assets::of(binary)?, flavour)
    }

    /// From a program and what it made of its command line.
    pub fn from(
        program: Vec<u8>,
        assets: Vec<(String, Vec<u8>)>,
        flavour: Flavour,
    ) -> Result<Tree> {
        let mut tree = Tree {
            flavour,
            entries: Vec::new(),
        };
        let prefix = flavour.prefix();
        tree.add(
            format!("{prefix}/bin/scx_photon"),
            PROGRAM,
            Kind::Plain,
            program,
        );
        tree.add_units()?;
        for (name, data) in assets {
            let (path, data) = match name.as_str() {
                "scx_photon.bash" => ("share/bash-completion/completions/scx_photon".into(), data),
                "_scx_photon" => (format!("{}/_scx_photon", flavour.zsh()), data),
                "scx_photon.fish" => (
                    "share/fish/vendor_completions.d/scx_photon.fish".into(),
                    data,
                ),
                page => (format!("share/man/man1/{page}.gz"), gzip(&data)?),
            };
            tree.add(format!("{prefix}/{path}"), TEXT, Kind::Plain, data);
        }
        tree.add_documents()?;
        tree.entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tree)
    }

    fn add(&mut self, path: String, mode: u32, kind: Kind, data: Vec<u8>) {
        self.entries.push(Entry {
            path,
            mode,
            kind,
            data,
        });
    }

    fn add_units(&mut self) -> Result<()> {
        let mut unit = read("dist/scx_photon.service")?;
        let program = format!("{}/bin/scx_photon", self.flavour.prefix());
        if self.flavour != Flavour::Nix {
            unit = unit.replace("/usr/bin/scx_photon", &program);
        }
        let units = self.flavour.units();
        self.add(
            format!("{units}/scx_photon.service"),
            TEXT,
            Kind::Plain,
            unit.into(),
        );
        if self.flavour != Flavour::Nix {
            let flags = read("dist/scx_photon.default")?;
            self.add(
                "/etc/default/scx_photon".into(),
                TEXT,
                Kind::Config,
                flags.into(),
            );
        }
        if self.flavour == Flavour::Redhat {
            let preset = read("dist/rpm/scx_photon.preset")?;
            let path = "/usr/lib/systemd/system-preset/90-scx_photon.preset";
            self.add(path.into(), TEXT, Kind::Plain, preset.into());
        }
        Ok(())
    }

    fn add_documents(&mut self) -> Result<()> {
        // By the name of the package, as each distribution looks for it.
        let name = match self.flavour {
            Flavour::Debian => debian::PACKAGE,
            _ => source::NAME,
        };
        let dir = format!("{}/share/doc/{name}", self.flavour.prefix());
        for (name, file) in [
            ("README.md", "README.md"),
            // What the README links to, where its links look for it.
            ("CONTRIBUTING.md", "CONTRIBUTING.md"),
            ("docs/DESIGN.md", "docs/DESIGN.md"),
            ("docs/top.svg", "docs/top.svg"),
            ("examples/scx.default", "dist/scx.default"),
            ("examples/scx_loader.toml", "dist/scx_loader/config.toml"),
            ("examples/scx_photon.toml", "dist/examples/scx_photon.toml"),
            ("examples/gamemode.ini", "dist/examples/gamemode.ini"),
            (
                "examples/50-scx_photon.rules",
                "dist/examples/50-scx_photon.rules",
            ),
        ] {
            let data = read(file)?.into();
            self.add(format!("{dir}/{name}"), TEXT, Kind::Documentation, data);
        }
        self.add(
            format!("{dir}/THIRD-PARTY.gz"),
            TEXT,
            Kind::Documentation,
            gzip(notices::text()?.as_bytes())?,
        );
        let license = read("LICENSE")?.into();
        let changes = read("CHANGELOG.md")?;
        let (changes_name, changes, license_path, license) = match self.flavour {
            // Policy: compressed, and the text of the GPL is the system's.
            Flavour::Debian => (
                "changelog.gz",
                gzip(changes.as_bytes())?,
                format!("{dir}/copyright"),
                read("dist/deb/copyright")?.into(),
            ),
            Flavour::Redhat | Flavour::Arch => (
                "CHANGELOG.md",
                changes.into(),
                "/usr/share/licenses/scx_photon/LICENSE".into(),
                license,
            ),
            Flavour::Nix | Flavour::Local => (
                "CHANGELOG.md",
                changes.into(),
                format!("{dir}/LICENSE"),
                license,
            ),
        };
        let changes_path = format!("{dir}/{changes_name}");
        self.add(changes_path, TEXT, Kind::Documentation, changes);
        self.add(license_path, TEXT, Kind::License, license);
        Ok(())
    }

    /// Every directory above an entry, outermost first.
    pub fn directories(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .entries
            .iter()
            .flat_map(|e| {
                Path::new(&e.path)
                    .ancestors()
                    .skip(1)
                    .map(Path::to_path_buf)
            })
            .map(|p: PathBuf| p.to_string_lossy().into_owned())
            .filter(|p| p != "/")
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// Below a directory that stands for `/`.
    pub fn write(&self, root: &Path) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        for entry in &self.entries {
            let path = root.join(entry.path.trim_start_matches('/'));
            // A build system may have put the program where it belongs already.
            let present = std::fs::read(&path).is_ok_and(|data| data == entry.data);
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
            }
            if !present {
                std::fs::write(&path, &entry.data).with_context(|| path.display().to_string())?;
            }
            let mode = std::fs::Permissions::from_mode(entry.mode);
            std::fs::set_permissions(&path, mode).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

pub fn read(file: &str) -> Result<String> {
    let path = source::root().join(file);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Without a name or a time in it: the same bytes on every machine.
pub fn gzip(data: &[u8]) -> Result<Vec<u8>> {
    let mut packer = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    packer.write_all(data)?;
    Ok(packer.finish()?)
}
