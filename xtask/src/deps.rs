// SPDX-License-Identifier: GPL-2.0-only
//! What building and testing needs beyond a Rust toolchain: found, installed where that is ours to do, or named.

use crate::archive::System;
use crate::shell;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::process::Command;

/// The scx headers need -mcpu=v4, which came with this one.
const OLDEST_CLANG: u32 = 18;
/// Newer than any that exists; only bounds a search by name.
const NEWEST_CLANG: u32 = 40;

/// What one purpose needs. Debian and Ubuntu call the packages the same; those of the compiler carry its version.
struct Needs {
    apt: &'static [&'static str],
    apt_clang: &'static [&'static str],
    fedora: &'static str,
    arch: &'static str,
}

const TO_BUILD: Needs = Needs {
    apt: &[
        "gcc",
        "libc6-dev",
        "libelf-dev",
        "zlib1g-dev",
        "pkg-config",
        "make",
    ],
    apt_clang: &["clang-", "libclang-"],
    fedora: "clang clang-devel elfutils-libelf-devel zlib-devel pkgconf-pkg-config make gcc",
    arch: "clang libelf zlib pkgconf make gcc",
};

/// Beside the above.
const TO_TEST: Needs = Needs {
    apt: &["xz-utils", "debian-archive-keyring"],
    apt_clang: &["clang-format-", "libclang-rt-"],
    fedora: "clang-tools-extra compiler-rt glibc-static xz qemu-system-x86",
    arch: "compiler-rt xz qemu-system-x86",
};

/// Makes sure that what the product is built with is there, or fails with the one command that puts it there.
pub fn ensure_build() -> Result<()> {
    shell::infrastructure(ensure_all(&[TO_BUILD], &[]))
}

/// The same of what the tests need, too.
pub fn ensure() -> Result<()> {
    ensure_also(&[])
}

/// The same with more packages, by Debian's names.
pub fn ensure_also(more: &[&str]) -> Result<()> {
    shell::infrastructure(ensure_all(&[TO_BUILD, TO_TEST], more))
}

fn ensure_all(needs: &[Needs], more: &[&str]) -> Result<()> {
    if cfg!(not(target_arch = "x86_64")) {
        bail!("the tests know x86_64 only so far");
    }
    let system = System::detect();
    if system.uses_apt() {
        return apt(needs, more);
    }
    if has_what_builds() {
        return Ok(());
    }
    let packages =
        |name: fn(&Needs) -> &'static str| needs.iter().map(name).collect::<Vec<_>>().join(" ");
    match () {
        () if system.is("fedora") => bail!(
            "packages are missing; install them with: sudo dnf install {}",
            packages(|n| n.fedora)
        ),
        () if system.is("arch") => bail!(
            "packages are missing; install them with: sudo pacman -S --needed {}",
            packages(|n| n.arch)
        ),
        () => bail!(
            "needed: clang {OLDEST_CLANG} or newer with libclang, libelf and zlib with headers, pkg-config, make, gcc, xz"
        ),
    }
}

fn has_what_builds() -> bool {
    let libraries = shell::output(Command::new("pkg-config").args(["--exists", "libelf", "zlib"]));
    libraries.is_ok()
        && newest_program("clang").is_some()
        && shell::found("make")
        && shell::found("gcc")
}

/// `name-NN` with the highest number on the PATH, else plain `name`.
pub fn newest_program(name: &str) -> Option<String> {
    let versioned = (OLDEST_CLANG..=NEWEST_CLANG)
        .rev()
        .map(|v| format!("{name}-{v}"));
    versioned
        .chain([name.to_string()])
        .find(|program| shell::found(program))
}

fn apt(needs: &[Needs], more: &[&str]) -> Result<()> {
    let clang = match installed_clang() {
        Some(version) => version,
        None => offered_clang()?,
    };
    let mut needed: BTreeSet<String> = more.iter().map(|p| p.to_string()).collect();
    for need in needs {
        needed.extend(need.apt.iter().map(|p| p.to_string()));
        needed.extend(need.apt_clang.iter().map(|p| match *p {
            "libclang-" | "libclang-rt-" => format!("{p}{clang}-dev"),
            _ => format!("{p}{clang}"),
        }));
    }
    let missing: Vec<String> = needed.difference(&installed()?).cloned().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!(
        "apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    );
    let as_root = shell::is_root();
    if !as_root && shell::output(Command::new("sudo").args(["-n", "true"])).is_err() {
        bail!("packages are missing; install them with: sudo {line}");
    }
    shell::step(&format!("installing {}", missing.join(" ")));
    if shell::run(&mut apt_get(as_root, &missing)).is_ok() {
        return Ok(());
    }
    // A fresh container has no package lists, an old one has stale ones.
    shell::step("refreshing the package lists");
    shell::patiently(|| {
        shell::run(&mut apt_get_update(as_root))?;
        shell::run(&mut apt_get(as_root, &missing))
    })
    .with_context(|| format!("install them with: {line}"))
}

fn privileged(as_root: bool) -> Command {
    let mut command = Command::new(if as_root { "env" } else { "sudo" });
    if !as_root {
        command.args(["-n", "env"]);
    }
    // Somebody else's apt may be at work: wait for it, and ask nobody anything.
    command.args([
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-q",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]);
    command
}

fn apt_get(as_root: bool, packages: &[String]) -> Command {
    let mut command = privileged(as_root);
    command
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages);
    command
}

fn apt_get_update(as_root: bool) -> Command {
    let mut command = privileged(as_root);
    command.arg("update");
    command
}

fn installed() -> Result<BTreeSet<String>> {
    let text = shell::output(Command::new("dpkg-query").args([
        "-W",
        "-f",
        "${Package} ${db:Status-Status}\n",
    ]))?;
    Ok(text
        .lines()
        .filter_map(|l| l.strip_suffix(" installed"))
        .map(str::to_string)
        .collect())
}

fn installed_clang() -> Option<u32> {
    (OLDEST_CLANG..=NEWEST_CLANG)
        .rev()
        .find(|v| shell::found(&format!("clang-{v}")))
}

fn offered_clang() -> Result<u32> {
    let newest = || -> Result<Option<u32>> {
        let text = shell::output(Command::new("apt-cache").args(["pkgnames", "clang-"]))?;
        Ok(newest_clang(&text))
    };
    if let Some(version) = newest()? {
        return Ok(version);
    }
    shell::step("refreshing the package lists");
    let as_root = shell::is_root();
    shell::patiently(|| shell::run(&mut apt_get_update(as_root)))?;
    newest()?.with_context(|| format!("the archive offers no clang-{OLDEST_CLANG} or newer"))
}

fn newest_clang(names: &str) -> Option<u32> {
    let versions = names
        .lines()
        .filter_map(|name| name.strip_prefix("clang-")?.parse().ok());
    versions.filter(|v| *v >= OLDEST_CLANG).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else one that is installed here is not the one that compiles.
    #[test]
    fn the_script_looks_for_the_same_versions() {
        let script: Vec<&str> = include_str!("../clang").lines().collect();
        for line in [
            format!("newest={NEWEST_CLANG}"),
            format!("oldest={OLDEST_CLANG}"),
        ] {
            assert!(script.contains(&line.as_str()), "{line}");
        }
    }

    #[test]
    fn clang_is_chosen_by_number() {
        assert_eq!(
            newest_clang("clang-9\nclang-19\nclang-format-22\nclang-18\n"),
            Some(19)
        );
        assert_eq!(newest_clang("clang-13\nclang-16\n"), None);
    }
}
