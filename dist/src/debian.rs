// SPDX-License-Identifier: GPL-2.0-only
//! The .deb: an ar of a version, the papers and the files.

use anyhow::{Context, Result};
use ar::{Builder, Header};
use tar::EntryType;

use crate::elf;
use crate::source::{DESCRIPTION, NAME, SUMMARY, VERSION, epoch};
use crate::tarball::{append, tree_into};
use crate::tree::{Kind, Tree, gzip, read};

const FORMAT: &[u8] = b"2.0\n";
const SCRIPT: u32 = 0o755;
const PAPER: u32 = 0o644;
const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];
/// Debian's names of packages have no underscores.
pub const PACKAGE: &str = "scx-photon";

pub fn file_name(release: &str) -> String {
    format!("{PACKAGE}_{VERSION}-{release}_amd64.deb")
}

pub fn package(tree: &Tree, release: &str) -> Result<Vec<u8>> {
    let mut papers = tar::Builder::new(Vec::new());
    append(&mut papers, "./", SCRIPT, EntryType::Directory, &[])?;
    let mut paper = |name: &str, mode, text: &str| {
        let path = format!("./{name}");
        append(
            &mut papers,
            &path,
            mode,
            EntryType::Regular,
            text.as_bytes(),
        )
    };
    paper("control", PAPER, &control(tree, release)?)?;
    paper("conffiles", PAPER, &config_files(tree))?;
    paper("md5sums", PAPER, &sums(tree))?;
    for script in SCRIPTS {
        paper(script, SCRIPT, &read(&format!("dist/deb/{script}"))?)?;
    }
    let mut files = tar::Builder::new(Vec::new());
    tree_into(&mut files, tree)?;

    let mut deb = Builder::new(Vec::new());
    for (name, data) in [
        ("debian-binary", FORMAT.to_vec()),
        ("control.tar.gz", gzip(&papers.into_inner()?)?),
        ("data.tar.gz", gzip(&files.into_inner()?)?),
    ] {
        let mut header = Header::new(name.as_bytes().to_vec(), data.len() as u64);
        header.set_mode(0o100_644);
        header.set_mtime(u64::from(epoch()?));
        deb.append(&header, data.as_slice())?;
    }
    Ok(deb.into_inner()?)
}

fn config_files(tree: &Tree) -> String {
    let config = tree.entries.iter().filter(|e| e.kind == Kind::Config);
    config.map(|e| format!("{}\n", e.path)).collect()
}

/// Configuration may change and is not among them.
fn sums(tree: &Tree) -> String {
    let fixed = tree.entries.iter().filter(|e| e.kind != Kind::Config);
    let line = |e: &crate::tree::Entry| {
        let path = e.path.trim_start_matches('/');
        format!("{:x}  {path}\n", md5::compute(&e.data))
    };
    fixed.map(line).collect()
}

fn control(tree: &Tree, release: &str) -> Result<String> {
    let program = tree
        .entries
        .iter()
        .find(|e| e.path.ends_with("/bin/scx_photon"));
    let program = program.context("a tree without the program")?;
    // A static program needs no library.
    let depends = elf::newest_glibc(&program.data).map_or(String::new(), |(major, minor)| {
        format!(
            "Depends: libc6 (>= {major}.{minor}), libelf1t64 | libelf1, libgcc-s1, zlib1g, init-system-helpers, procps\n"
        )
    });
    let kib = tree
        .entries
        .iter()
        .map(|e| e.data.len().div_ceil(1024))
        .sum::<usize>();
    let description = DESCRIPTION.replace('\n', "\n ");
    Ok(format!(
        "Package: {PACKAGE}\nVersion: {VERSION}-{release}\nArchitecture: amd64\nMaintainer: The {NAME} authors <noreply@invalid>\n\
         Installed-Size: {kib}\n{depends}Section: admin\nPriority: optional\nDescription: {SUMMARY}\n {description}\n"
    ))
}
