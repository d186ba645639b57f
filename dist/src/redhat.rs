// SPDX-License-Identifier: GPL-2.0-only
//! The .rpm.

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

pub fn package(tree: &Tree, release: &str) -> Result<Vec<u8>> {
    let config = BuildConfig::default()
        .compression(CompressionWithLevel::Gzip(GZIP_LEVEL))
        .source_date(epoch());
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
