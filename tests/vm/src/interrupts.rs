// SPDX-License-Identifier: GPL-2.0-only
//! Interrupts that do nothing, at 8 kHz, from the real-time clock's periodic interrupt (an hrtimer of the kernel's). The
//! emulator runs one virtual CPU after the other, each for its part of the time until the next timer, and an interrupt
//! for another CPU waits until that one's turn: with these the turns of four CPUs are at most 31 us long.

use crate::scenario::Fail;
use std::fs::File;
use std::os::fd::AsRawFd;

const DEVICE: &str = "/dev/rtc0";
/// RTC_MAX_FREQ of drivers/rtc/interface.c.
const HZ: libc::c_ulong = 8192;
/// `_IOW('p', 0x0c, unsigned long)` of linux/rtc.h.
const RTC_IRQP_SET: u64 = (1 << 30) | (8 << 16) | ((b'p' as u64) << 8) | 0x0c;
/// `_IO('p', 0x05)`.
const RTC_PIE_ON: u64 = ((b'p' as u64) << 8) | 0x05;

/// For as long as it is there: closing the device stops them.
pub struct Interrupts(#[expect(dead_code, reason = "held open")] File);

impl Interrupts {
    pub fn start() -> Result<Self, Fail> {
        let file = File::open(DEVICE).map_err(|e| Fail::failed(format!("{DEVICE}: {e}")))?;
        for (request, argument) in [(RTC_IRQP_SET, HZ), (RTC_PIE_ON, 0)] {
            // SAFETY: both take a number; the descriptor is open.
            if unsafe { libc::ioctl(file.as_raw_fd(), request, argument) } < 0 {
                return Err(std::io::Error::last_os_error().into());
            }
        }
        Ok(Interrupts(file))
    }
}
