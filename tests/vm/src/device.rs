// SPDX-License-Identifier: GPL-2.0-only
//! Virtual input devices of every class, through uinput. A report of theirs is made in the context of the process that
//! writes it, on the CPU that process is on.

use crate::load::pin;
use crate::scenario::Fail;
use photon_bench::sys::clock::{NS_PER_MS, mono_ns};
use photon_bench::sys::fd::TimerFd;
use photon_bench::sys::sched::{INTERRUPT, set_policy};
use photon_bench::sys::uinput::{
    self, Declared, EV_ABS, EV_KEY, EV_REL, EV_SYN, REL_X, Reader, SYN_REPORT, UINPUT, event,
};
use std::io;
use std::path::Path;

/// From arming the timer to the first report.
const LEAD_NS: u64 = NS_PER_MS;

// linux/input-event-codes.h
const ABS_X: u16 = 0;
const ABS_Y: u16 = 1;
const ABS_RX: u16 = 3;
const ABS_RY: u16 = 4;
const ABS_PRESSURE: u16 = 0x18;
const ABS_MT_POSITION_X: u16 = 0x35;
const ABS_MT_POSITION_Y: u16 = 0x36;
pub const KEY_Q: u16 = 16;
const KEY_M: u16 = 50;
const BTN_GAMEPAD: u16 = 0x130;
const BTN_EAST: u16 = 0x131;
const BTN_TOOL_PEN: u16 = 0x140;
const BTN_TOUCH: u16 = 0x14a;

/// What a device declares and what it sends: `moves` is the event that every report of it carries.
pub struct Kind {
    /// As the statistics call it.
    pub class: &'static str,
    declares: Declared,
    moves: (u16, u16),
}

pub const MOUSE: Kind = Kind {
    class: "mouse",
    declares: uinput::MOUSE,
    moves: (EV_REL, REL_X),
};

pub const KEYBOARD: Kind = Kind {
    class: "keyboard",
    declares: Declared {
        rel: &[],
        keys: &[
            1, 2, 3, 14, 15, KEY_Q, 17, 18, 19, 28, 30, 31, 32, 44, KEY_M, 57,
        ],
        abs: &[],
    },
    moves: (EV_KEY, KEY_Q),
};

/// One of each class, the mouse first.
pub const KINDS: [Kind; 5] = [
    MOUSE,
    KEYBOARD,
    Kind {
        class: "pad",
        declares: Declared {
            rel: &[],
            keys: &[BTN_GAMEPAD, BTN_EAST],
            abs: &[ABS_X, ABS_Y, ABS_RX, ABS_RY],
        },
        moves: (EV_ABS, ABS_X),
    },
    Kind {
        class: "touch",
        declares: Declared {
            rel: &[],
            keys: &[BTN_TOUCH],
            abs: &[ABS_X, ABS_Y, ABS_MT_POSITION_X, ABS_MT_POSITION_Y],
        },
        moves: (EV_ABS, ABS_MT_POSITION_X),
    },
    Kind {
        class: "tablet",
        declares: Declared {
            rel: &[],
            keys: &[BTN_TOOL_PEN, BTN_TOUCH],
            abs: &[ABS_X, ABS_Y, ABS_PRESSURE],
        },
        moves: (EV_ABS, ABS_X),
    },
];

/// Exists until it is dropped.
pub struct Device {
    device: uinput::Device,
    moves: (u16, u16),
}

impl Device {
    /// Skips on a machine without uinput.
    pub fn new(kind: &Kind) -> Result<Self, Fail> {
        if !Path::new(UINPUT).exists() {
            return Err(Fail::skip("no /dev/uinput"));
        }
        Ok(Device {
            device: uinput::Device::new(kind.class, &kind.declares)?,
            moves: kind.moves,
        })
    }

    /// Who reads it as programs do.
    pub fn reader(&self) -> Result<Reader, Fail> {
        Ok(Reader::open(&self.device.node()?)?)
    }

    /// One report with this value in it.
    pub fn report(&self, value: i32) -> io::Result<()> {
        let (kind, code) = self.moves;
        self.device
            .send(&[event(kind, code, value), event(EV_SYN, SYN_REPORT, 0)])
    }

    /// The end of a report without the report: nobody is woken by it.
    pub fn end_only(&self) -> io::Result<()> {
        self.device.send(&[event(EV_SYN, SYN_REPORT, 0)])
    }

    /// A report without its end.
    pub fn part_only(&self, value: i32) -> io::Result<()> {
        let (kind, code) = self.moves;
        self.device.send(&[event(kind, code, value)])
    }

    /// So many reports from one CPU, `period_ns` apart. A late wakeup sends what is overdue at once, as a device with
    /// a queue does.
    pub fn play(&self, cpu: usize, count: u64, period_ns: u64) -> Result<(), Fail> {
        std::thread::scope(|scope| {
            let player = scope.spawn(|| -> io::Result<()> {
                pin(cpu)?;
                set_policy(INTERRUPT)?;
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
