// SPDX-License-Identifier: GPL-2.0-only
//! The packages under systemd, in the Debian of `cargo xtask systemd`: the .deb was installed before systemd started, so
//! scx_photon runs since boot; it survives an upgrade, a purge leaves nothing, an installation starts it unless another
//! scheduler is there, and the same with the .rpm, by hand and with the archive. What the README says how to do is done
//! as the README says.

use super::{readme, sandbox};
use crate::documents::command;
use crate::latch::RUN_DIR;
use crate::oneshot::NOBODY;
use crate::photon::{scx_ops, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const UNIT: &str = "scx_photon.service";
const PACKAGE: &str = "scx-photon";
/// Of another scheduler, by the name that scx's packages give it.
const OTHER: &str = "/etc/systemd/system/scx.service";
const OTHER_TEXT: &str = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
/// Loading takes seconds in an emulator.
pub const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
/// Long enough for a start that should not be made to have been made.
const NOT_STARTED: Duration = Duration::from_secs(8);
/// Whatever has its name, but for the empty directories of its sockets, which the next boot takes away.
const NAMED: &str =
    "find /etc /usr /var /tmp -iname '*scx*photon*'; find /run ! -type d -path '*scx*photon*'";
/// What a clone holds after `cargo xtask dist --static`.
const CLONE: &str = "/opt/trial/clone";
/// In it: the program itself, apart from any package.
const BY_HAND: &str = "target/release/scx_photon";
/// Made by `init` before the first installation.
const BEFORE: &str = "/opt/trial/before";
/// What a running system writes by itself: its journal, random seed and clock, dpkg's and rpm's bookkeeping.
const LIVING: &[&str] = &[
    "/var/log/",
    "/var/lib/systemd/",
    "/var/lib/dpkg/",
    "/var/lib/apt/",
    "/var/lib/rpm/",
    "/root/.rpmdb/",
    "/var/cache/",
    "/etc/machine-id",
    "/etc/.updated",
    "/var/.updated",
    "/var/tmp/",
    "/opt/trial/",
];

pub fn run(ctx: &Ctx) -> Outcome {
    let booted = running(LIMIT)?;
    expect("is-enabled", &["is-enabled", UNIT], "enabled")?;
    ctx.log(format!("at boot: {}", status()?));
    debian(ctx, booted)?;
    beside_another(ctx)?;
    redhat(ctx)?;
    by_hand(ctx)?;
    archive(ctx)?;
    sandbox::as_loaders_child(ctx, &format!("{CLONE}/{BY_HAND}"))?;
    Ok(json!({}))
}

fn debian(ctx: &Ctx, booted: u32) -> Result<(), Fail> {
    let begin = Instant::now();
    said("dpkg", &["--install", "/opt/trial/2.deb"])?;
    let upgraded = running(LIMIT)?;
    if upgraded == booted {
        return Err(Fail::failed("the upgrade left the old one running"));
    }
    let version = said("dpkg-query", &["-W", "-f", "${Version}", PACKAGE])?;
    if !version.ends_with("-2") {
        return Err(Fail::failed(format!("upgraded to {version}")));
    }
    let took = begin.elapsed().as_secs_f64();
    ctx.log(format!(
        "upgraded to {version} while running in {took:.1} s: {}",
        status()?
    ));
    as_written("apt purge")?;
    gone("apt purge")?;
    ctx.log("purged: nothing left");
    as_written("apt install")?;
    running(LIMIT)?;
    ctx.log(format!("installed, and it runs: {}", status()?));
    // Its configuration stays, so that dpkg knows of an old version as at an upgrade.
    said("dpkg", &["--remove", PACKAGE])?;
    stopped("a removal")?;
    as_written("apt install")?;
    running(LIMIT)?;
    ctx.log("removed and installed again, and it runs");
    let text = std::fs::read_to_string(format!("{CLONE}/README.md"))?;
    let ran = readme::run(ctx, &text)?;
    ctx.log(format!("ran {ran} of the README's commands of scx_photon"));
    // Who stopped it does not get it back by an upgrade.
    said("systemctl", &["disable", "--now", UNIT])?;
    said("dpkg", &["--install", "/opt/trial/2.deb"])?;
    std::thread::sleep(NOT_STARTED);
    stopped("an upgrade of a stopped one")?;
    expect("is-enabled", &["is-enabled", UNIT], "disabled")?;
    ctx.log("an upgrade leaves a stopped one stopped");
    as_written("apt purge")?;
    gone("the second purge")
}

/// Somebody's scheduler is not thrown out by an installation.
fn beside_another(ctx: &Ctx) -> Result<(), Fail> {
    let mut other = Command::new(Path::new(CLONE).join(BY_HAND))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let checked = beside(&mut other);
    // The shell's own: there is no program of that name.
    said("sh", &["-c", &format!("kill {}", other.id())])?;
    other.wait()?;
    checked?;
    as_written("apt purge")?;
    ctx.log(
        "an installation leaves an attached scheduler alone, a start beside it says that it failed",
    );
    gone("the third purge")?;
    beside_enabled(ctx)
}

/// Nor is one that is only enabled: systemd would start one of both at the next boot.
fn beside_enabled(ctx: &Ctx) -> Result<(), Fail> {
    std::fs::write(OTHER, OTHER_TEXT)?;
    said("systemctl", &["enable", "scx.service"])?;
    let left_off = |installed: &str| {
        if !installed.contains("because of: scx.service. To change over:") {
            return Err(Fail::failed(format!("not told: {installed}")));
        }
        expect("is-enabled", &["is-enabled", UNIT], "disabled")?;
        stopped("an installation beside an enabled scheduler")
    };
    left_off(&as_written("apt install")?)?;
    said("dpkg", &["--install", "/opt/trial/2.deb"])?;
    expect("upgraded", &["is-enabled", UNIT], "disabled")?;
    // Enabled when it was removed.
    said("systemctl", &["enable", UNIT])?;
    said("dpkg", &["--remove", PACKAGE])?;
    left_off(&as_written("apt install")?)?;
    as_written("apt purge")?;
    let rpm = |args: &[&str]| said("rpm", &[&["--nodeps"], args].concat());
    rpm(&["--install", "/opt/trial/1.rpm"])?;
    expect("is-enabled", &["is-enabled", UNIT], "disabled")?;
    rpm(&["--erase", "scx_photon"])?;
    said("systemctl", &["disable", "scx.service"])?;
    std::fs::remove_file(OTHER)?;
    ctx.log("beside an enabled scheduler neither package enables ours");
    gone("the fourth purge")
}

fn beside(other: &mut Child) -> Result<(), Fail> {
    attached(LIMIT)?;
    as_written("apt install")?;
    std::thread::sleep(NOT_STARTED);
    if other.try_wait()?.is_some() {
        return Err(Fail::failed(
            "the installation threw out the attached scheduler",
        ));
    }
    expect("is-active beside another", &["is-active", UNIT], "inactive")?;
    // Refused with 6 before it is ready: whoever starts it is told.
    match said("systemctl", &["start", UNIT]) {
        Ok(_) => return Err(Fail::failed("a start beside another scheduler succeeded")),
        Err(_) => expect("is-failed beside another", &["is-failed", UNIT], "failed")?,
    }
    // Nor does it count among those of a minute.
    said("systemctl", &["reset-failed", UNIT]).map(drop)
}

/// On a Debian rpm knows of no installed library.
fn redhat(ctx: &Ctx) -> Result<(), Fail> {
    let rpm = |args: &[&str]| said("rpm", &[&["--nodeps"], args].concat());
    rpm(&["--install", "/opt/trial/1.rpm"])?;
    expect("is-enabled", &["is-enabled", UNIT], "enabled")?;
    stopped("an .rpm")?;
    said("systemctl", &["start", UNIT])?;
    let first = running(LIMIT)?;
    rpm(&["--upgrade", "/opt/trial/2.rpm"])?;
    if running(LIMIT)? == first {
        return Err(Fail::failed("the .rpm's upgrade left the old one running"));
    }
    ctx.log(format!("the .rpm, upgraded: {}", status()?));
    rpm(&["--erase", "scx_photon"])?;
    gone("rpm --erase")?;
    ctx.log("erased: nothing left");
    Ok(())
}

fn by_hand(ctx: &Ctx) -> Result<(), Fail> {
    for line in [
        "install -m 755",
        "install -m 644",
        "systemctl daemon-reload",
        "systemctl enable",
    ] {
        as_written(line)?;
    }
    running(LIMIT)?;
    ctx.log(format!("by hand: {}", status()?));
    as_written("systemctl disable")?;
    as_written("rm /usr/bin/scx_photon")?;
    removed("what the README says")
}

fn archive(ctx: &Ctx) -> Result<(), Fail> {
    as_written("tar -C /")?;
    said("systemctl", &["daemon-reload"])?;
    said("systemctl", &["enable", "--now", UNIT])?;
    running(LIMIT)?;
    said("systemctl", &["reload", UNIT])?;
    ctx.log(format!(
        "the archive: {}",
        status_of("/usr/local/bin/scx_photon")?
    ));
    as_written("systemctl stop")?;
    stopped("the archive")?;
    as_written("systemctl disable")?;
    as_written("sh -c 'tar -tzf")?;
    as_written("rm -r /usr/local")?;
    removed("the archive by its list")
}

/// The one command of the README that begins so, as it stands there.
fn as_written(beginning: &str) -> Result<String, Fail> {
    let text = std::fs::read_to_string(format!("{CLONE}/README.md"))?;
    let line = command(&text, beginning);
    let line = line.ok_or_else(|| Fail::failed(format!("no `{beginning}` in the README")))?;
    said("sh", &["-c", &format!("cd {CLONE} && {line}")])
}

pub fn said(program: &str, args: &[&str]) -> Result<String, Fail> {
    let out = Command::new(program)
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .output()
        .map_err(|e| Fail::failed(format!("{program}: {e}")))?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(text);
    }
    let errors = String::from_utf8_lossy(&out.stderr);
    Err(Fail::failed(format!(
        "{program} {args:?}: {}: {text} {errors}",
        out.status
    )))
}

/// systemctl's word, whatever its exit code.
fn expect(what: &str, args: &[&str], word: &str) -> Result<(), Fail> {
    let out = Command::new("systemctl").args(args).output()?;
    let text = String::from_utf8_lossy(&out.stdout).trim().to_string();
    match text == word {
        true => Ok(()),
        false => Err(Fail::failed(format!("{what}: {text}, not {word}"))),
    }
}

pub fn attached(limit: Duration) -> Result<(), Fail> {
    let begin = Instant::now();
    let is = || {
        scx_state().as_deref() == Some("enabled")
            && scx_ops().is_some_and(|o| o.starts_with("photon"))
    };
    while !is() {
        if begin.elapsed() > limit {
            let journal = said("journalctl", &["--no-pager", "--unit", UNIT])?;
            return Err(Fail::failed(format!(
                "{:?} {:?}: {journal}",
                scx_state(),
                scx_ops()
            )));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// The unit runs and has the machine; its process.
fn running(limit: Duration) -> Result<u32, Fail> {
    attached(limit)?;
    // It says so itself, when its probes and sockets are there too.
    let begin = Instant::now();
    while let Err(e) = expect("is-active", &["is-active", UNIT], "active") {
        if begin.elapsed() > limit {
            return Err(e);
        }
        std::thread::sleep(POLL);
    }
    let pid = said(
        "systemctl",
        &["show", "--property", "MainPID", "--value", UNIT],
    )?;
    pid.trim()
        .parse()
        .map_err(|e| Fail::failed(format!("MainPID {pid}: {e}")))
}

fn status() -> Result<String, Fail> {
    status_of("/usr/bin/scx_photon")
}

/// As anybody may ask, when the daemon has come to its socket.
pub fn status_of(program: &str) -> Result<String, Fail> {
    let begin = Instant::now();
    let nobody = NOBODY.to_string();
    loop {
        let asked = said(
            "setpriv",
            &["--reuid", &nobody, "--clear-groups", program, "status"],
        );
        match asked {
            Ok(text) => return Ok(text.trim().to_string()),
            Err(e) if begin.elapsed() > LIMIT => return Err(e),
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

pub fn stopped(what: &str) -> Result<(), Fail> {
    match (scx_state().as_deref(), scx_ops()) {
        (Some("disabled"), None) => Ok(()),
        (state, ops) => Err(Fail::failed(format!("after {what}: {state:?} {ops:?}"))),
    }
}

/// A package takes its directories in /run along too.
fn gone(what: &str) -> Result<(), Fail> {
    removed(what)?;
    match Path::new(RUN_DIR).exists() {
        true => Err(Fail::failed(format!("after {what} there is {RUN_DIR}"))),
        false => Ok(()),
    }
}

/// No scheduler, no unit, no file that was not there before.
fn removed(what: &str) -> Result<(), Fail> {
    stopped(what)?;
    said("systemctl", &["daemon-reload"])?;
    expect(
        what,
        &["show", "--property", "LoadState", "--value", UNIT],
        "not-found",
    )?;
    let before = std::fs::read_to_string(BEFORE)?;
    let before: BTreeSet<&str> = before.lines().collect();
    let now = said(
        "find",
        &[
            "/etc", "/opt", "/usr", "/var", "/root", "/home", "!", "-type", "d",
        ],
    )?;
    let mut left: Vec<&str> = now
        .lines()
        .filter(|path| !before.contains(path) && !LIVING.iter().any(|l| path.starts_with(l)))
        .collect();
    let named = said("sh", &["-c", NAMED])?;
    left.extend(named.lines());
    match left.is_empty() {
        true => Ok(()),
        false => Err(Fail::failed(format!("after {what} there are {left:?}"))),
    }
}
