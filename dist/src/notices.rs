// SPDX-License-Identifier: GPL-2.0-only
//! The licenses of what is linked into the program. Most of them ask for nothing but that their text goes along with a
//! copy, so the texts are taken from the sources that cargo built it from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::source;

/// The one that packages are made for; cargo would list what other systems need too.
const TARGET: &str = "x86_64-unknown-linux-gnu";
/// How the names of the files begin, in capitals.
const NAMES: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];
/// What cargo's metadata does not know.
const RUNTIMES: &str = "The Rust standard library: MIT OR Apache-2.0\n\
    In the static archive, the GNU C Library: LGPL-2.1-or-later; libgcc: GPL-3.0-or-later WITH GCC-exception-3.1;\n\
    zstd, if the libelf in it is built with it: BSD-3-Clause OR GPL-2.0-only\n";
const RULE: &str =
    "--------------------------------------------------------------------------------";

/// All of it: which libraries there are, then each text once, below whom it is of.
pub fn text() -> Result<String> {
    let metadata = MetadataCommand::new()
        .manifest_path(source::root().join("Cargo.toml"))
        // Also what the static program has.
        .features(CargoOpt::SomeFeatures(vec!["static".to_string()]))
        .other_options(["--locked", "--filter-platform", TARGET].map(String::from))
        .exec()
        .context("asking cargo what the program is made of")?;
    let linked = linked(&metadata)?;
    let mut all = format!(
        "{} contains the {} libraries below, each under its own license.\n\n",
        source::NAME,
        linked.len()
    );
    all.push_str(RUNTIMES);
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in linked {
        let name = format!("{} {}", package.name, package.version);
        let license = package.license.as_deref().unwrap_or("see its text");
        writeln!(all, "{name}: {license}")?;
        for text in texts_of(package)? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    for (text, names) in texts {
        write!(all, "\n{RULE}\n{}\n\n{text}\n", names.join(", "))?;
    }
    Ok(all)
}

/// What the program links from outside of this repository, by name and version.
fn linked(metadata: &Metadata) -> Result<Vec<&Package>> {
    let root = metadata.root_package().context("no root package")?;
    let nodes = &metadata.resolve.as_ref().context("no resolution")?.nodes;
    let nodes: BTreeMap<&PackageId, _> = nodes.iter().map(|n| (&n.id, n)).collect();
    let (mut found, mut open) = (BTreeSet::new(), vec![&root.id]);
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let deps = nodes.get(id).map_or(&[][..], |node| &node.deps);
        let is_linked = |kinds: &[cargo_metadata::DepKindInfo]| {
            kinds.iter().any(|k| k.kind == DependencyKind::Normal)
        };
        open.extend(
            deps.iter()
                .filter(|d| is_linked(&d.dep_kinds))
                .map(|d| &d.pkg),
        );
    }
    let packages = metadata.packages.iter();
    let mut linked: Vec<_> = packages
        .filter(|p| found.contains(&p.id) && p.source.is_some())
        .collect();
    linked.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(linked)
}

/// In the crate's directory and the ones right below it: C libraries that it brings along have theirs there.
fn texts_of(package: &Package) -> Result<Vec<String>> {
    let manifest = package.manifest_path.as_std_path();
    let dir = manifest.parent().unwrap_or(Path::new("."));
    let (mut files, mut below) = (Vec::new(), Vec::new());
    for path in listed(dir)? {
        match path.is_dir() {
            true => below.extend(listed(&path)?),
            false => files.push(path),
        }
    }
    files.extend(below.into_iter().filter(|p| p.is_file()));
    let files = files.iter().filter(|p| is_license(p));
    files
        .map(|p| {
            let bytes = std::fs::read(p).with_context(|| p.display().to_string())?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_string())
        })
        .collect()
}

fn listed(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    let mut paths = entries
        .map(|e| Ok(e?.path()))
        .collect::<Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn is_license(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let source = [".rs", ".c", ".h", ".sh"].iter().any(|e| name.ends_with(e));
    !source && NAMES.iter().any(|n| name.to_uppercase().starts_with(n))
}
