// SPDX-License-Identifier: GPL-2.0-only
//! The .rpm.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use rpm::{BuildConfig, CompressionWithLevel, Dependency, FileOptions, PackageBuilder};

use crate::elf;
use crate::source::{DESCRIPTION, NAME, SUMMARY, VERSION, epoch};
use crate::tree::{Kind, Tree, read};

const GZIP_LEVEL: u32 = 9;
const LICENSE: &str = "GPL-2.0-only";
const ARCH: &str = "x86_64";
/// What the scripts call.
const SYSTEMD: &str = "systemd";

pub fn file_name(release: &str) -> String {
    format!("{NAME}-{VERSION}-{release}.{ARCH}.rpm")
}

/// rpm takes away only what a package says is its own: the directories of our name, and what is in them.
fn own_directories(tree: &Tree) -> BTreeSet<String> {
    let mut own = BTreeSet::new();
    for entry in &tree.entries {
        let parents = Path::new(&entry.path).ancestors().skip(1);
        let ours = parents.filter(|p| p.iter().any(|name| name == NAME));
        own.extend(ours.map(|p| p.display().to_string()));
    }
    own
}

pub fn package(tree: &Tree, release: &str) -> Result<Vec<u8>> {
    let config = BuildConfig::default()
        .compression(CompressionWithLevel::Gzip(GZIP_LEVEL))
        .source_date(epoch()?);
    let mut builder = PackageBuilder::new(NAME, VERSION, LICENSE, ARCH, SUMMARY);
    builder
        .using_config(config)
        .release(release)
        .description(DESCRIPTION)
        .build_host("localhost")
        .requires(Dependency::any(SYSTEMD))
        .post_install_script(read("dist/rpm/post")?)
        .pre_uninstall_script(read("dist/rpm/preun")?)
        .post_uninstall_script(read("dist/rpm/postun")?);
    for directory in own_directories(tree) {
        builder.with_dir_entry(FileOptions::dir(directory))?;
    }
    for entry in &tree.entries {
        let mode = u16::try_from(entry.mode).context("a mode of more than 16 bits")?;
        let options = FileOptions::new(&entry.path).permissions(mode);
        let options = match entry.kind {
            Kind::Plain => options,
            Kind::Config => options.config().noreplace(),
            Kind::Documentation => options.doc(),
            Kind::License => options.license(),
        };
        builder.with_file_contents(entry.data.clone(), options)?;
        if entry.path.ends_with("/bin/scx_photon")
            && let Some((major, minor)) = elf::newest_glibc(&entry.data)
        {
            builder.requires(Dependency::any(format!(
                "libc.so.6(GLIBC_{major}.{minor})(64bit)"
            )));
            for library in [
                "libelf.so.1()(64bit)",
                "libz.so.1()(64bit)",
                "libgcc_s.so.1()(64bit)",
            ] {
                builder.requires(Dependency::any(library));
            }
        }
    }
    let mut bytes = Vec::new();
    builder.build()?.write(&mut bytes)?;
    Ok(bytes)
}
