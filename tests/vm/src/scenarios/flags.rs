// SPDX-License-Identifier: GPL-2.0-only
//! What the flags do that are no tunables and have no scenario of their own: a probe that is turned off is not in the
//! kernel, a verbose daemon says more, an option of libbpf's reaches it. And the two hangups: one that is sent stops
//! nothing, with or without a configuration; one by the terminal that goes away is the end.

use crate::oneshot;
use crate::photon::{Photon, scx_state};
use crate::programs::programs;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What a flag turns off: programs by their names, of which the kernel keeps 15 bytes.
const PROBES: [(&str, &[&str]); 3] = [
    ("--no-display-probe", &["on_fence_init", "on_fence_signal"]),
    ("--no-exec-probe", &["on_exec", "on_move"]),
    ("--no-lock-probe", &["on_futex_wait"]),
];
const NO_CONFIG: &str = "nothing to read again";
const VERBOSE: &str = "[DEBUG]";
const NOWHERE: &str = "/nowhere/btf";
const REFUSED: i32 = 7;
/// The daemon waits for events; it is an emulator's second that is long.
const LIMIT: Duration = Duration::from_secs(5);

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &[])?;
    for (flag, names) in PROBES {
        expect(flag, names, true)?;
    }
    if photon.log().contains(VERBOSE) {
        return Err(Fail::failed(format!("unasked: {}", photon.log())));
    }
    hangup_is_sent(&photon)?;
    monitored(ctx)?;
    photon.stop()?;
    let (terminal, slave) = terminal()?;
    let mut flags: Vec<&str> = PROBES.iter().map(|(flag, _)| *flag).collect();
    flags.push("--verbose");
    let photon = Photon::start_prepared(ctx, &flags, |command| {
        lives_on(command, &slave);
        Ok(())
    })?;
    for (flag, names) in PROBES {
        expect(flag, names, false)?;
    }
    if !photon.log().contains(VERBOSE) {
        return Err(Fail::failed(format!("--verbose: {}", photon.log())));
    }
    drop((terminal, slave));
    let stopped = photon.wait(LIMIT)?;
    if stopped.code != Some(0) || scx_state().as_deref() == Some("enabled") {
        return Err(Fail::failed(format!(
            "without its terminal: {:?}, {}",
            stopped.code, stopped.log
        )));
    }
    let mut misled = Command::new(&ctx.scx_photon);
    let ended = oneshot::run(misled.args(["--btf-custom-path", NOWHERE]))?;
    ended.expect("--btf-custom-path", REFUSED, "")?;
    Ok(json!({"ended_after_ms": stopped.took.as_millis() as u64}))
}

/// All of these programs are in the kernel, or none is.
fn expect(flag: &str, names: &[&str], wanted: bool) -> Result<(), Fail> {
    let there = programs();
    let wrong = |name: &&&str| there.iter().any(|p| p.name == **name) != wanted;
    match names.iter().find(wrong) {
        None => Ok(()),
        Some(name) => Err(Fail::failed(format!(
            "{flag}: {name} should be there: {wanted}; there are {:?}",
            there.iter().map(|p| &p.name).collect::<Vec<_>>()
        ))),
    }
}

/// Another process prints what the daemon tells it, line after line.
fn monitored(ctx: &Ctx) -> Result<(), Fail> {
    const LINES: usize = 2;
    let mut command = Command::new(&ctx.scx_photon);
    command.args(["--monitor", "0.1", "--json"]);
    let mut monitor = command.stdout(Stdio::piped()).spawn()?;
    let out = monitor.stdout.take();
    let out = out.ok_or_else(|| Fail::failed("--monitor has no output"))?;
    let lines = BufReader::new(out).lines().take(LINES);
    let told: Result<Vec<Value>, Fail> = lines.map(|l| Ok(serde_json::from_str(&l?)?)).collect();
    monitor.kill()?;
    monitor.wait()?;
    let counts: Vec<_> = told?
        .iter()
        .map(|t| t["counters"]["wakeups"].as_u64())
        .collect();
    match counts[..] {
        [Some(before), Some(after)] if after > 0 && after >= before => Ok(()),
        _ => Err(Fail::failed(format!("--monitor told {counts:?} wakeups"))),
    }
}

fn hangup_is_sent(photon: &Photon) -> Result<(), Fail> {
    photon.signal(libc::SIGHUP);
    photon.says(NO_CONFIG, 1, LIMIT)?;
    match (photon.is_alive()?, scx_state().as_deref()) {
        (true, Some("enabled")) => Ok(()),
        state => Err(Fail::failed(format!("SIGHUP stopped it: {state:?}"))),
    }
}

/// Both ends of a terminal of our own.
fn terminal() -> Result<(File, File), Fail> {
    // There is no mount of it in this machine; a second one shows the same devices.
    std::fs::create_dir_all("/dev/pts")?;
    let (kind, place) = (c"devpts", c"/dev/pts");
    let options = c"ptmxmode=0666";
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: NUL-terminated strings that outlive the call; then two live integers, and null where nothing is wanted.
    let rc = unsafe {
        libc::mount(
            kind.as_ptr(),
            place.as_ptr(),
            kind.as_ptr(),
            0,
            options.as_ptr().cast(),
        );
        libc::openpty(
            &mut master,
            &mut slave,
            std::ptr::null_mut(),
            std::ptr::null(),
            std::ptr::null(),
        )
    };
    if rc != 0 {
        return Err(io::Error::last_os_error().into());
    }
    for fd in [master, slave] {
        // SAFETY: no pointers. A daemon that held the terminal's other end would keep it.
        unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    // SAFETY: two fresh descriptors that nobody else owns.
    Ok(unsafe { (File::from_raw_fd(master), File::from_raw_fd(slave)) })
}

/// The terminal becomes that of the command, which leads a session of its own.
fn lives_on(command: &mut Command, slave: &File) {
    let slave = slave.as_raw_fd();
    let join = move || {
        // SAFETY: no pointers; the descriptor is open until the exec.
        match unsafe { libc::setsid() < 0 || libc::ioctl(slave, libc::TIOCSCTTY, 0) < 0 } {
            false => Ok(()),
            true => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec the closure makes system calls only.
    unsafe { command.pre_exec(join) };
}
