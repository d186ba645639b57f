// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask dist`: packages of the release build, in `target/dist`.

use crate::artifacts::{STATIC_FLAGS, STATIC_TARGET, cargo};
use crate::{deps, paths, shell};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// For a libelf that is built with zstd, which nobody else names. Archives by their whole names, since rustc puts these
/// where the linker looks for shared libraries again; the C library once more, for a linker that reads from left to
/// right has it behind it.
const ZSTD_FLAGS: &str = "-C link-arg=-l:libzstd.a -C link-arg=-l:libc.a";

#[derive(clap::Args)]
pub struct Args {
    /// Also an archive of a static binary, for systems without packages or with a read-only /usr
    #[arg(long = "static")]
    with_static: bool,
    /// Of the packaging: to be raised when it changes and the program does not
    #[arg(long, value_name = "N", default_value_t = 1)]
    release: u32,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure_build()?;
    let product = ["build", "--release", "--locked", "--package", "scx_photon"];
    shell::step("building scx_photon (release)");
    shell::run(&mut cargo(&product))?;
    let target = paths::target();
    let linked = match args.with_static {
        true => Some(build_static()?),
        false => None,
    };
    shell::step("packing");
    let (binary, into) = (target.join("release/scx_photon"), target.join("dist"));
    // Or the README's commands, whose patterns stand for one file, would meet those of earlier releases.
    if into.exists() {
        std::fs::remove_dir_all(&into).with_context(|| into.display().to_string())?;
    }
    pack(&binary, args.release, linked.as_deref(), &into)?;
    Ok(ExitCode::SUCCESS)
}

/// The packages of a program, in a directory.
pub fn pack(binary: &Path, release: u32, linked: Option<&Path>, into: &Path) -> Result<()> {
    let mut pack = cargo(&[
        "run",
        "--quiet",
        "--locked",
        "--package",
        "photon-dist",
        "--",
    ]);
    pack.args(["packages", "--release", &release.to_string()]);
    pack.arg("--binary").arg(stripped(binary)?);
    pack.arg("--into").arg(into);
    if let Some(linked) = linked {
        pack.arg("--static").arg(stripped(linked)?);
    }
    shell::run(&mut pack)
}

/// The names of a release's .deb and .rpm.
pub fn names(release: u32) -> [String; 2] {
    let version = env!("CARGO_PKG_VERSION");
    [
        format!("scx-photon_{version}-{release}_amd64.deb"),
        format!("scx_photon-{version}-{release}.x86_64.rpm"),
    ]
}

/// The name of the archive with the static program.
pub fn archive_name() -> String {
    format!(
        "scx_photon-{}-x86_64-static.tar.gz",
        env!("CARGO_PKG_VERSION")
    )
}

/// A copy without symbols, a fifth smaller: panics are told by file and line, which need none.
fn stripped(binary: &Path) -> Result<PathBuf> {
    let kind = if binary.starts_with(paths::target().join(STATIC_TARGET)) {
        "static"
    } else {
        "dynamic"
    };
    let copy = paths::cache("stripped")?.join(kind).join("scx_photon");
    std::fs::create_dir_all(copy.parent().unwrap_or(&copy))?;
    let mut strip = Command::new("strip");
    strip.arg("--strip-unneeded").arg("-o").arg(&copy);
    shell::run(strip.arg(binary))?;
    Ok(copy)
}

pub fn build_static() -> Result<PathBuf> {
    shell::step("building scx_photon (release, static)");
    let mut command = cargo(&[
        "build",
        "--release",
        "--locked",
        "--package",
        "scx_photon",
        "--features",
        "static",
        "--target",
        STATIC_TARGET,
    ]);
    // rustc looks for static libraries only where it is told to.
    let libraries =
        shell::output(Command::new("pkg-config").args(["--variable=libdir", "libelf"]))?;
    command.env("LIBBPF_SYS_LIBRARY_PATH", libraries.trim());
    // libelf and zlib are linked in by the feature, the C library by these.
    shell::run(command.env("RUSTFLAGS", static_flags(&libelf_needs()?)))?;
    Ok(paths::target()
        .join(STATIC_TARGET)
        .join("release/scx_photon"))
}

/// What a static libelf is linked with, as the linker's options.
fn libelf_needs() -> Result<String> {
    let needs = ["--static", "--libs-only-l", "libelf"];
    shell::output(Command::new("pkg-config").args(needs))
}

fn static_flags(libelf_needs: &str) -> String {
    match libelf_needs.split_whitespace().any(|l| l == "-lzstd") {
        true => format!("{STATIC_FLAGS} {ZSTD_FLAGS}"),
        false => STATIC_FLAGS.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = include_str!("../../dist/src/debian.rs");
    const REDHAT: &str = include_str!("../../dist/src/redhat.rs");
    const TARBALL: &str = include_str!("../../dist/src/tarball.rs");
    const SOURCE: &str = include_str!("../../dist/src/source.rs");

    #[test]
    fn zstd_is_linked_where_libelf_needs_it() {
        assert_eq!(static_flags("-lelf -lz \n"), STATIC_FLAGS);
        let flags = static_flags("-lelf -lz -lzstd \n");
        assert_eq!(flags, format!("{STATIC_FLAGS} {ZSTD_FLAGS}"));
    }

    /// The text of a constant of photon-dist's.
    fn constant(name: &str) -> &'static str {
        let begin = format!("const {name}: &str = \"");
        let mut files = [DEBIAN, REDHAT, SOURCE].into_iter();
        let rest = files.find_map(|file| file.split_once(&begin)).unwrap().1;
        rest.split('"').next().unwrap()
    }

    /// What a file of photon-dist's calls its package.
    fn packed_as(file: &str, release: u32) -> String {
        let (_, rest) = file.split_once("pub fn file_name(").unwrap();
        let mut name = rest.split('"').nth(1).unwrap().to_string();
        for word in ["PACKAGE", "NAME", "ARCH"] {
            name = name.replace(&format!("{{{word}}}"), constant(word));
        }
        name.replace("{VERSION}", env!("CARGO_PKG_VERSION"))
            .replace("{release}", &release.to_string())
    }

    /// They are written there once more, in a program that this one only runs.
    #[test]
    fn the_names_are_those_of_the_packages() {
        let [deb, rpm] = names(7);
        for (file, name) in [(DEBIAN, deb), (REDHAT, rpm), (TARBALL, archive_name())] {
            assert_eq!(packed_as(file, 7), name);
        }
    }
}
