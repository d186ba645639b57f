// SPDX-License-Identifier: GPL-2.0-only
//! What an init does once: file systems, console, modules.

use crate::protocol::{Event, send};
use crate::scenario::Fail;
use anyhow::{Context, Result, bail};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsRawFd, IntoRawFd};

const MODULE_LIST: &str = "/etc/modules.list";
/// Modules that scenarios load themselves.
const LATER_LIST: &str = "/etc/modules.later";
const HOST_NAME: &str = "photon-guest";

/// Type, mount point, and whether a test can live without it.
const MOUNTS: &[(&str, &str, bool)] = &[
    ("proc", "/proc", false),
    ("sysfs", "/sys", false),
    ("devtmpfs", "/dev", false),
    ("tmpfs", "/dev/shm", false),
    ("tmpfs", "/tmp", false),
    ("tmpfs", "/run", false),
    ("cgroup2", "/sys/fs/cgroup", true),
    ("bpf", "/sys/fs/bpf", true),
    ("tracefs", "/sys/kernel/tracing", true),
    ("debugfs", "/sys/kernel/debug", true),
    ("securityfs", "/sys/kernel/security", true),
];

pub fn mounts() -> Result<()> {
    for (kind, target, optional) in MOUNTS {
        // Fails for directories the kernel made inside sysfs, which exist already.
        let _ = std::fs::create_dir_all(target);
        if let Err(e) = mount(kind, target)
            && !optional
        {
            return Err(e);
        }
    }
    Ok(())
}

fn mount(kind: &str, target: &str) -> Result<()> {
    let (kind_c, target_c) = (CString::new(kind)?, CString::new(target)?);
    // SAFETY: three NUL-terminated strings that outlive the call, and no data.
    let rc = unsafe {
        libc::mount(
            kind_c.as_ptr(),
            target_c.as_ptr(),
            kind_c.as_ptr(),
            0,
            std::ptr::null(),
        )
    };
    let error = std::io::Error::last_os_error();
    // The kernel itself may have mounted devtmpfs.
    if rc != 0 && error.raw_os_error() != Some(libc::EBUSY) {
        bail!("mount {kind} on {target}: {error}");
    }
    Ok(())
}

/// An initramfs without a console node leaves PID 1 without open files, so it opens its own.
pub fn console() -> Result<()> {
    let console = File::options()
        .read(true)
        .write(true)
        .open("/dev/console")
        .context("/dev/console")?;
    let fd = console.into_raw_fd();
    for target in 0..=2 {
        // SAFETY: dup2 takes no pointers; both descriptors are ours.
        if unsafe { libc::dup2(fd, target) } < 0 {
            bail!("dup2 to {target}: {}", std::io::Error::last_os_error());
        }
    }
    Ok(())
}

pub fn host_name() {
    // SAFETY: pointer and length of one live string. Without the name nothing breaks, so the result is not read.
    unsafe { libc::sethostname(HOST_NAME.as_ptr().cast(), HOST_NAME.len()) };
}

/// The host sorted the list so that dependencies come first.
pub fn modules() {
    let list = std::fs::read_to_string(MODULE_LIST).unwrap_or_default();
    for path in list.lines().filter(|l| !l.is_empty()) {
        if let Err(e) = load_module(path, c"") {
            send(&Event::Module {
                path: path.to_string(),
                error: format!("{e:#}"),
            });
        }
    }
}

pub fn load_module(path: &str, options: &CStr) -> Result<()> {
    let file = File::open(path)?;
    // SAFETY: an open descriptor, a NUL-terminated string, no flags.
    let rc = unsafe {
        libc::syscall(
            libc::SYS_finit_module,
            file.as_raw_fd(),
            options.as_ptr(),
            0,
        )
    };
    let error = std::io::Error::last_os_error();
    if rc != 0 && error.raw_os_error() != Some(libc::EEXIST) {
        bail!("finit_module: {error}");
    }
    Ok(())
}

/// A module that came for one scenario, and all before it, among which are those that it needs. An option that a module
/// does not know is none of its failures.
pub fn load_later(name: &str, options: &CStr) -> Result<(), Fail> {
    let list = std::fs::read_to_string(LATER_LIST).unwrap_or_default();
    let last = format!("/{name}.ko");
    let wanted = list.lines().position(|path| path.ends_with(&last));
    let wanted = wanted.ok_or_else(|| Fail::skip(format!("no module {name}")))?;
    for path in list.lines().take(wanted + 1) {
        load_module(path, options).map_err(|e| Fail::skip(format!("{path}: {e:#}")))?;
    }
    Ok(())
}

/// Takes a module out again.
pub fn unload_module(name: &str) -> Result<()> {
    let name_c = CString::new(name)?;
    // SAFETY: a NUL-terminated string that outlives the call.
    let rc = unsafe { libc::syscall(libc::SYS_delete_module, name_c.as_ptr(), libc::O_NONBLOCK) };
    match rc {
        0 => Ok(()),
        _ => bail!("delete_module {name}: {}", std::io::Error::last_os_error()),
    }
}

/// From here on the kernel prints to the console only what it dies of: each line costs guest time, and PID 1
/// watches the log anyway.
pub fn quiet_console() {
    let _ = std::fs::write("/proc/sys/kernel/printk", "1");
}

/// PID 1 must be able to report a stall of the scheduler under test, so it is out of that scheduler's reach. Its
/// children are not.
pub fn escape_the_scheduler() {
    let param = libc::sched_param { sched_priority: 1 };
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: a live struct of the type the call wants. Failing costs diagnosis only.
    unsafe { libc::sched_setscheduler(0, policy, &param) };
}
