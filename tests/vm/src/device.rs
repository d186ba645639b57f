// SPDX-License-Identifier: GPL-2.0-only
//! Virtual input devices of every class, through uinput. A report of theirs is made in the context of the process that
//! writes it, on the CPU that process is on.

use crate::load::{Policy, pin, set_policy};
use crate::scenario::Fail;
use photon_bench::sys::clock::{NS_PER_MS, mono_ns};
use photon_bench::sys::fd::TimerFd;
use photon_bench::sys::uinput::{Reader, event, find_node};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

const UINPUT: &str = "/dev/uinput";
/// Above everything else: it stands for a device, and nothing delays a device.
const PRIORITY: i32 = 90;
/// From arming the timer to the first report.
const LEAD_NS: u64 = NS_PER_MS;
const BUS_VIRTUAL: u16 = 6;
/// A resolution no test depends on.
const ABS_MAX: i32 = 1 << 20;

// linux/input-event-codes.h
const EV_SYN: u16 = 0;
const EV_KEY: u16 = 1;
const EV_REL: u16 = 2;
const EV_ABS: u16 = 3;
const REL_X: u16 = 0;
const REL_Y: u16 = 1;
const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;
const ABS_RX: u16 = 3;
const ABS_RY: u16 = 4;
const ABS_PRESSURE: u16 = 0x18;
const ABS_MT_POSITION_X: u16 = 0x35;
const ABS_MT_POSITION_Y: u16 = 0x36;
pub const KEY_Q: u16 = 16;
const KEY_M: u16 = 50;
const BTN_LEFT: u16 = 0x110;
const BTN_GAMEPAD: u16 = 0x130;
const BTN_EAST: u16 = 0x131;
const BTN_TOOL_PEN: u16 = 0x140;
const BTN_TOUCH: u16 = 0x14a;

/// `_IOC(dir, 'U', nr, size)` of linux/uinput.h.
const fn ioc(dir: u64, nr: u64, size: usize) -> u64 {
    (dir << 30) | ((size as u64) << 16) | ((b'U' as u64) << 8) | nr
}
const WRITE: u64 = 1;
const INT: usize = size_of::<libc::c_int>();
const UI_DEV_CREATE: u64 = ioc(0, 1, 0);
const UI_DEV_SETUP: u64 = ioc(WRITE, 3, size_of::<libc::uinput_setup>());
const UI_ABS_SETUP: u64 = ioc(WRITE, 4, size_of::<libc::uinput_abs_setup>());
const UI_SET_EVBIT: u64 = ioc(WRITE, 100, INT);
const UI_SET_KEYBIT: u64 = ioc(WRITE, 101, INT);
const UI_SET_RELBIT: u64 = ioc(WRITE, 102, INT);

/// What a device declares and what it sends: `moves` is the event that every report of it carries.
pub struct Kind {
    /// As the statistics call it.
    pub class: &'static str,
    keys: &'static [u16],
    rel: &'static [u16],
    abs: &'static [u16],
    moves: (u16, u16),
}

pub const MOUSE: Kind = Kind {
    class: "mouse",
    keys: &[BTN_LEFT],
    rel: &[REL_X, REL_Y],
    abs: &[],
    moves: (EV_REL, REL_X),
};

/// One of each class, the mouse first.
pub const KINDS: [Kind; 5] = [
    MOUSE,
    Kind {
        class: "keyboard",
        keys: &[
            1, 2, 3, 14, 15, KEY_Q, 17, 18, 19, 28, 30, 31, 32, 44, KEY_M, 57,
        ],
        rel: &[],
        abs: &[],
        moves: (EV_KEY, KEY_Q),
    },
    Kind {
        class: "pad",
        keys: &[BTN_GAMEPAD, BTN_EAST],
        rel: &[],
        abs: &[ABS_X, ABS_Y, ABS_RX, ABS_RY],
        moves: (EV_ABS, ABS_X),
    },
    Kind {
        class: "touch",
        keys: &[BTN_TOUCH],
        rel: &[],
        abs: &[ABS_X, ABS_Y, ABS_MT_POSITION_X, ABS_MT_POSITION_Y],
        moves: (EV_ABS, ABS_MT_POSITION_X),
    },
    Kind {
        class: "tablet",
        keys: &[BTN_TOOL_PEN, BTN_TOUCH],
        rel: &[],
        abs: &[ABS_X, ABS_Y, ABS_PRESSURE],
        moves: (EV_ABS, ABS_X),
    },
];

/// Exists until it is dropped.
pub struct Device {
    file: File,
    moves: (u16, u16),
}

impl Device {
    /// Skips on a machine without uinput.
    pub fn new(kind: &Kind) -> Result<Self, Fail> {
        if !Path::new(UINPUT).exists() {
            return Err(Fail::skip("no /dev/uinput"));
        }
        let file = File::options().write(true).open(UINPUT)?;
        let families = [
            (EV_KEY, UI_SET_KEYBIT, kind.keys),
            (EV_REL, UI_SET_RELBIT, kind.rel),
        ];
        for (family, request, codes) in families {
            if !codes.is_empty() {
                set_bit(&file, UI_SET_EVBIT, family)?;
            }
            for code in codes {
                set_bit(&file, request, *code)?;
            }
        }
        for code in kind.abs {
            set_axis(&file, *code)?;
        }
        // SAFETY: an all-zero uinput_setup is valid: integers and a byte array.
        let mut setup: libc::uinput_setup = unsafe { std::mem::zeroed() };
        setup.id.bustype = BUS_VIRTUAL;
        for (to, from) in setup.name.iter_mut().zip(kind.class.bytes()) {
            *to = from as libc::c_char;
        }
        // SAFETY: the struct outlives the call, which only reads it.
        check(unsafe { libc::ioctl(file.as_raw_fd(), UI_DEV_SETUP, &setup) })?;
        // SAFETY: the request takes no argument.
        check(unsafe { libc::ioctl(file.as_raw_fd(), UI_DEV_CREATE) })?;
        Ok(Device {
            file,
            moves: kind.moves,
        })
    }

    /// Who reads it as programs do.
    pub fn reader(&self) -> Result<Reader, Fail> {
        Ok(Reader::open(&find_node(&self.file)?)?)
    }

    /// One report with this value in it.
    pub fn report(&self, value: i32) -> io::Result<()> {
        let (kind, code) = self.moves;
        self.send(&[event(kind, code, value), event(EV_SYN, 0, 0)])
    }

    /// The end of a report without the report: nobody is woken by it.
    pub fn end_only(&self) -> io::Result<()> {
        self.send(&[event(EV_SYN, 0, 0)])
    }

    /// A report without its end.
    pub fn part_only(&self, value: i32) -> io::Result<()> {
        let (kind, code) = self.moves;
        self.send(&[event(kind, code, value)])
    }

    fn send(&self, events: &[libc::input_event]) -> io::Result<()> {
        // SAFETY: plain integers without padding, viewed as bytes for the length of the array.
        let bytes = unsafe {
            std::slice::from_raw_parts(events.as_ptr().cast::<u8>(), size_of_val(events))
        };
        (&self.file).write_all(bytes)
    }

    /// So many reports from one CPU, `period_ns` apart. A late wakeup sends what is overdue at once, as a device with
    /// a queue does.
    pub fn play(&self, cpu: usize, count: u64, period_ns: u64) -> Result<(), Fail> {
        std::thread::scope(|scope| {
            let player = scope.spawn(|| -> io::Result<()> {
                pin(cpu)?;
                set_policy(Policy::Fifo(PRIORITY))?;
                let timer = TimerFd::new()?;
                timer.arm(mono_ns() + LEAD_NS, period_ns)?;
                let mut sent = 0;
                while sent < count {
                    let due = timer.wait()?.min(count - sent);
                    for _ in 0..due {
                        sent += 1;
                        // Alternating, because the kernel drops what changes nothing.
                        self.report((sent % 2) as i32)?;
                    }
                }
                Ok(())
            });
            let played = player.join();
            played.map_err(|_| Fail::failed("the device's thread panicked"))??;
            Ok(())
        })
    }
}

fn set_bit(file: &File, request: u64, bit: u16) -> io::Result<()> {
    // SAFETY: these requests take an int by value.
    check(unsafe { libc::ioctl(file.as_raw_fd(), request, libc::c_int::from(bit)) })
}

fn set_axis(file: &File, code: u16) -> io::Result<()> {
    set_bit(file, UI_SET_EVBIT, EV_ABS)?;
    // SAFETY: an all-zero uinput_abs_setup is valid: integers only.
    let mut axis: libc::uinput_abs_setup = unsafe { std::mem::zeroed() };
    axis.code = code;
    axis.absinfo.minimum = -ABS_MAX;
    axis.absinfo.maximum = ABS_MAX;
    // SAFETY: the struct outlives the call, which only reads it.
    check(unsafe { libc::ioctl(file.as_raw_fd(), UI_ABS_SETUP, &axis) })
}

fn check(rc: libc::c_int) -> io::Result<()> {
    match rc {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
