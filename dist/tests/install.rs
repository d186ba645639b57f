// SPDX-License-Identifier: GPL-2.0-only
//! The packages under the tools that install them: dpkg in a root of its own, rpm's reader, the shells and groff. What
//! a machine does not have is not tested there, and said.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use photon_bench::untested::untested;

const UNIT: &str = "etc/systemd/system/multi-user.target.wants/scx_photon.service";
/// dpkg's own, and what the helper of systemd's units leaves of its bookkeeping: directories.
const DPKG: &str = "var/lib/dpkg";

fn there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn run(command: &mut Command) -> Output {
    let out = command.output().expect("starts");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command:?}: {} {said}", out.status);
    out
}

/// An empty directory of this test.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A script that is the built program: the real one with debug information takes a minute to pack. Put there by another
/// process: a child that another test starts inherits what this one has open for writing, and until it has become its
/// program the kernel runs no such file ("Text file busy").
fn program(dir: &Path) -> Option<PathBuf> {
    let built = Path::new(env!("CARGO_BIN_EXE_photon-dist")).with_file_name("scx_photon");
    if !built.exists() {
        untested("scx_photon is not built");
        return None;
    }
    let (text, script) = (dir.join("script"), dir.join("scx_photon"));
    std::fs::write(
        &text,
        format!("#!/bin/sh\nexec '{}' \"$@\"\n", built.display()),
    )
    .unwrap();
    run(Command::new("install").arg("-m755").arg(&text).arg(&script));
    std::fs::remove_file(&text).unwrap();
    Some(script)
}

fn packages(dir: &Path, program: &Path, release: &str) {
    run(Command::new(env!("CARGO_BIN_EXE_photon-dist"))
        .args(["packages", "--release", release, "--binary"])
        .arg(program)
        .arg("--into")
        .arg(dir));
}

/// Every file below a directory but dpkg's, relative.
fn files(root: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        match path.is_dir() && !path.is_symlink() {
            true if name != DPKG => files(root, &path, found),
            true => {}
            false => found.push(name),
        }
    }
    found.sort();
}

fn all(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    files(root, root, &mut found);
    found
}

/// dpkg in `root`, with scripts that see it as DPKG_ROOT.
fn dpkg(root: &Path, args: &[&str]) {
    run(Command::new("dpkg")
        .arg(format!("--root={}", root.display()))
        // The root has no libraries, and no shell to run scripts with.
        .args([
            "--force-script-chrootless",
            "--force-depends",
            "--force-confdef",
        ])
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive"));
}

#[test]
fn a_deb_installs_upgrades_and_purges() {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    if !there("dpkg") || !there("deb-systemd-helper") || !is_root {
        return untested("dpkg needs Debian and root");
    }
    let dir = scratch("deb");
    let Some(program) = program(&dir) else { return };
    packages(&dir, &program, "1");
    packages(&dir, &program, "2");
    let deb = |release: u32| {
        let name = format!(
            "scx-photon_{}-{release}_amd64.deb",
            env!("CARGO_PKG_VERSION")
        );
        dir.join(name).to_string_lossy().into_owned()
    };
    let root = dir.join("root");
    for part in ["info", "updates"] {
        std::fs::create_dir_all(root.join(DPKG).join(part)).unwrap();
    }
    std::fs::write(root.join(DPKG).join("status"), "").unwrap();

    dpkg(&root, &["--install", &deb(1)]);
    assert!(root.join(UNIT).is_symlink(), "enabled at boot");
    let installed = all(&root);
    assert!(
        installed.iter().any(|f| f == "usr/bin/scx_photon"),
        "{installed:?}"
    );
    run(Command::new(root.join("usr/bin/scx_photon")).arg("--version"));
    dpkg(&root, &["--verify", "scx-photon"]);

    // An administrator's changes survive an upgrade: other flags, not at boot.
    let flags = root.join("etc/default/scx_photon");
    std::fs::write(&flags, "SCX_PHOTON_FLAGS='--slice-us 3000'\n").unwrap();
    std::fs::remove_file(root.join(UNIT)).unwrap();
    dpkg(&root, &["--install", &deb(2)]);
    assert!(std::fs::read_to_string(&flags).unwrap().contains("3000"));
    assert!(!root.join(UNIT).is_symlink(), "stays disabled");

    dpkg(&root, &["--remove", "scx-photon"]);
    assert!(flags.exists() && !root.join("usr/bin/scx_photon").exists());
    dpkg(&root, &["--purge", "scx-photon"]);
    assert_eq!(all(&root), Vec::<String>::new(), "left behind");
}

#[test]
fn rpm_reads_the_rpm() {
    let dir = scratch("rpm");
    if !there("rpm") {
        return untested("there is no rpm");
    }
    let Some(program) = program(&dir) else { return };
    packages(&dir, &program, "1");
    let file = dir.join(format!(
        "scx_photon-{}-1.x86_64.rpm",
        env!("CARGO_PKG_VERSION")
    ));
    let query = |what: &str| {
        let out = run(Command::new("rpm")
            .args(["--query", what, "--package"])
            .arg(&file));
        String::from_utf8_lossy(&out.stdout).into_owned()
    };
    assert!(query("--list").contains("/usr/lib/systemd/system/scx_photon.service\n"));
    let own = query("--list");
    for directory in [
        "doc/scx_photon",
        "doc/scx_photon/examples",
        "licenses/scx_photon",
    ] {
        assert!(own.contains(&format!("/usr/share/{directory}\n")), "{own}");
    }
    assert_eq!(query("--configfiles"), "/etc/default/scx_photon\n");
    let scripts = query("--scripts");
    for part in ["postinstall", "preuninstall", "postuninstall"] {
        assert!(scripts.contains(part), "{scripts}");
    }
    run(Command::new("rpm")
        .args(["--checksig", "--nosignature"])
        .arg(&file));
}

#[test]
fn pages_and_completions_are_read_by_their_programs() {
    let dir = scratch("assets");
    let Some(program) = program(&dir) else { return };
    let assets = dir.join("out");
    std::fs::create_dir(&assets).unwrap();
    run(Command::new(&program).arg("assets").arg(&assets));
    let mut missing = Vec::new();
    for (shell, file) in [
        ("bash", "scx_photon.bash"),
        ("zsh", "_scx_photon"),
        ("fish", "scx_photon.fish"),
    ] {
        match there(shell) {
            true => drop(run(Command::new(shell).arg("-n").arg(assets.join(file)))),
            false => missing.push(shell),
        }
    }
    let pages: Vec<String> = all(&assets)
        .into_iter()
        .filter(|f| f.ends_with(".1"))
        .collect();
    assert!(
        pages.iter().any(|p| p == "scx_photon.1")
            && pages.iter().any(|p| p == "scx_photon-compare.1")
    );
    assert!(
        !pages.iter().any(|p| p.contains("assets")),
        "hidden: {pages:?}"
    );
    let text = std::fs::read_to_string(assets.join("scx_photon.1")).unwrap();
    assert!(text.contains("Exit codes"));
    match there("groff") {
        true => pages.iter().for_each(|page| formats(&assets.join(page))),
        false => missing.push("groff"),
    }
    if !missing.is_empty() {
        untested(&format!("there is no {}", missing.join(", no ")));
    }
}

/// Without a warning.
fn formats(page: &Path) {
    let out = run(Command::new("groff").args(["-man", "-ww", "-z"]).arg(page));
    assert_eq!(String::from_utf8_lossy(&out.stderr), "");
}
