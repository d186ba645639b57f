// SPDX-License-Identifier: GPL-2.0-only
//! Virtual devices through uinput, a relative mouse above all, and the reader of an evdev node. Only the node of
//! a device made here is ever opened, and no device is grabbed.

use super::{check, fd};
use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const UINPUT: &str = "/dev/uinput";
// linux/input-event-codes.h
pub const EV_SYN: u16 = 0;
pub const SYN_REPORT: u16 = 0;
pub const EV_KEY: u16 = 1;
pub const EV_REL: u16 = 2;
pub const EV_ABS: u16 = 3;
pub const REL_X: u16 = 0;
const REL_Y: u16 = 1;
const BTN_LEFT: u16 = 0x110;
const BUS_VIRTUAL: u16 = 6;
/// Of every absolute axis, both ways: a resolution that nothing depends on.
const ABS_MAX: i32 = 1 << 20;

/// One without a button is not recognised as a mouse by anybody.
pub const MOUSE: Declared = Declared {
    rel: &[REL_X, REL_Y],
    keys: &[BTN_LEFT],
    abs: &[],
};

/// `_IOC(dir, 'U' or 'E', nr, size)` of linux/uinput.h and linux/input.h; the `libc` crate does
/// not carry them.
const fn ioc(dir: u64, kind: u8, nr: u64, size: usize) -> u64 {
    (dir << 30) | ((size as u64) << 16) | ((kind as u64) << 8) | nr
}
const IOC_NONE: u64 = 0;
const IOC_WRITE: u64 = 1;
const IOC_READ: u64 = 2;
const INT: usize = size_of::<libc::c_int>();
const UI_DEV_CREATE: u64 = ioc(IOC_NONE, b'U', 1, 0);
const UI_DEV_DESTROY: u64 = ioc(IOC_NONE, b'U', 2, 0);
const UI_DEV_SETUP: u64 = ioc(IOC_WRITE, b'U', 3, size_of::<libc::uinput_setup>());
const UI_ABS_SETUP: u64 = ioc(IOC_WRITE, b'U', 4, size_of::<libc::uinput_abs_setup>());
const UI_SET_EVBIT: u64 = ioc(IOC_WRITE, b'U', 100, INT);
const UI_SET_KEYBIT: u64 = ioc(IOC_WRITE, b'U', 101, INT);
const UI_SET_RELBIT: u64 = ioc(IOC_WRITE, b'U', 102, INT);
const SYSNAME_LEN: usize = 64;
const UI_GET_SYSNAME: u64 = ioc(IOC_READ, b'U', 44, SYSNAME_LEN);
const EVIOCSCLOCKID: u64 = ioc(IOC_WRITE, b'E', 0xa0, INT);

/// The event node appears a moment after the device: tries, and the pause between two.
const NODE_TRIES: u32 = 100;
const NODE_PAUSE: Duration = Duration::from_millis(10);

fn ioctl_int(file: &impl AsRawFd, request: u64, value: u16) -> io::Result<()> {
    // SAFETY: these requests take an int by value.
    check(unsafe { libc::ioctl(file.as_raw_fd(), request, libc::c_int::from(value)) }).map(|_| ())
}

/// What a device declares that it has: codes of linux/input-event-codes.h.
#[derive(Clone, Copy, Debug, Default)]
pub struct Declared {
    pub rel: &'static [u16],
    pub keys: &'static [u16],
    pub abs: &'static [u16],
}

/// A virtual device. It disappears when dropped (or when its process dies).
#[derive(Debug)]
pub struct Device(File);

impl Device {
    pub fn new(name: &str, declared: &Declared) -> Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(UINPUT)
            .with_context(|| format!("open {UINPUT}"))?;
        declare(&file, declared).context("describe the uinput device")?;
        // SAFETY: an all-zero uinput_setup is valid: integers and a byte array.
        let mut setup: libc::uinput_setup = unsafe { std::mem::zeroed() };
        setup.id.bustype = BUS_VIRTUAL;
        // The last byte stays zero.
        let room = setup.name.len() - 1;
        for (to, from) in setup.name.iter_mut().take(room).zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        // SAFETY: `setup` is valid for the call, which only reads it.
        check(unsafe { libc::ioctl(file.as_raw_fd(), UI_DEV_SETUP, &setup) })
            .context("name the uinput device")?;
        // SAFETY: the request takes no argument.
        check(unsafe { libc::ioctl(file.as_raw_fd(), UI_DEV_CREATE) })
            .context("create the uinput device")?;
        Ok(Self(file))
    }

    /// Its event node, which appears a moment after the device.
    pub fn node(&self) -> Result<PathBuf> {
        let mut name = [0u8; SYSNAME_LEN];
        // SAFETY: the buffer has the length encoded in the request.
        check(unsafe { libc::ioctl(self.0.as_raw_fd(), UI_GET_SYSNAME, name.as_mut_ptr()) })
            .context("ask uinput for the device's name")?;
        let len = name.iter().position(|b| *b == 0).unwrap_or(name.len());
        let sysname = String::from_utf8_lossy(&name[..len]).into_owned();
        let dir = Path::new("/sys/class/input").join(&sysname);
        for _ in 0..NODE_TRIES {
            if let Some(node) = event_node(&dir) {
                return Ok(node);
            }
            std::thread::sleep(NODE_PAUSE);
        }
        bail!(
            "no /dev/input/event* for {} (evdev missing?)",
            dir.display()
        )
    }

    /// All in one write: a report, or several, or a part of one.
    pub fn send(&self, events: &[libc::input_event]) -> io::Result<()> {
        // SAFETY: plain integers without padding, viewed as bytes for the length of the array.
        let bytes = unsafe {
            std::slice::from_raw_parts(events.as_ptr().cast::<u8>(), size_of_val(events))
        };
        fd::write_raw(self.0.as_raw_fd(), bytes).map(|_| ())
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        // SAFETY: the request takes no argument; closing would destroy the device anyway.
        unsafe { libc::ioctl(self.0.as_raw_fd(), UI_DEV_DESTROY) };
    }
}

fn declare(file: &File, declared: &Declared) -> io::Result<()> {
    let families = [
        (EV_REL, declared.rel),
        (EV_KEY, declared.keys),
        (EV_ABS, declared.abs),
    ];
    for (family, _) in families.iter().filter(|(_, codes)| !codes.is_empty()) {
        ioctl_int(file, UI_SET_EVBIT, *family)?;
    }
    for code in declared.rel {
        ioctl_int(file, UI_SET_RELBIT, *code)?;
    }
    for code in declared.keys {
        ioctl_int(file, UI_SET_KEYBIT, *code)?;
    }
    for code in declared.abs {
        // SAFETY: an all-zero uinput_abs_setup is valid: integers only.
        let mut axis: libc::uinput_abs_setup = unsafe { std::mem::zeroed() };
        axis.code = *code;
        axis.absinfo.minimum = -ABS_MAX;
        axis.absinfo.maximum = ABS_MAX;
        // SAFETY: the struct outlives the call, which only reads it.
        check(unsafe { libc::ioctl(file.as_raw_fd(), UI_ABS_SETUP, &axis) })?;
    }
    Ok(())
}

/// The virtual mouse.
#[derive(Debug)]
pub struct Mouse {
    device: Device,
    node: PathBuf,
}

impl Mouse {
    pub fn new(name: &str) -> Result<Self> {
        let device = Device::new(name, &MOUSE)?;
        let node = device.node()?;
        Ok(Self { device, node })
    }

    pub fn node(&self) -> &Path {
        &self.node
    }

    /// One report: a step to the right and the end of the report.
    pub fn report(&self) -> io::Result<()> {
        self.device
            .send(&[event(EV_REL, REL_X, 1), event(EV_SYN, SYN_REPORT, 0)])
    }
}

/// One event as the kernel reads it; it fills the time in itself.
pub fn event(kind: u16, code: u16, value: i32) -> libc::input_event {
    libc::input_event {
        time: libc::timeval {
            tv_sec: 0,
            tv_usec: 0,
        },
        type_: kind,
        code,
        value,
    }
}

fn event_node(dir: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(dir).ok()?;
    entries
        .flatten()
        .map(|e| e.file_name())
        .find(|n| n.to_string_lossy().starts_with("event"))
        .map(|n| Path::new("/dev/input").join(n))
        .filter(|p| p.exists())
}

/// A read-only, non-grabbing reader whose time stamps are on the monotonic clock.
#[derive(Debug)]
pub struct Reader(OwnedFd);

impl Reader {
    pub fn open(node: &Path) -> Result<Self> {
        let file = File::open(node).with_context(|| format!("open {}", node.display()))?;
        let clock: libc::c_int = libc::CLOCK_MONOTONIC;
        // SAFETY: the request reads one int through the pointer.
        check(unsafe { libc::ioctl(file.as_raw_fd(), EVIOCSCLOCKID, &clock) })
            .context("set the clock of the event node")?;
        Ok(Self(file.into()))
    }

    /// Block for input; calls `report` with the time stamp of every complete report.
    pub fn read(&self, mut report: impl FnMut(u64)) -> io::Result<()> {
        const BATCH: usize = 64;
        let mut buf = [0u8; BATCH * size_of::<libc::input_event>()];
        let n = fd::read_raw(self.0.as_raw_fd(), &mut buf)?;
        for chunk in buf[..n].chunks_exact(size_of::<libc::input_event>()) {
            // SAFETY: the chunk has the size of an event, every bit pattern of which is valid.
            let ev: libc::input_event = unsafe { std::ptr::read_unaligned(chunk.as_ptr().cast()) };
            // SYN_DROPPED, after an overflow, is not a report: what it lost stays lost.
            if ev.type_ == EV_SYN && ev.code == SYN_REPORT {
                report(ev.time.tv_sec as u64 * 1_000_000_000 + ev.time.tv_usec as u64 * 1_000);
            }
        }
        Ok(())
    }

    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
