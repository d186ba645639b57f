// SPDX-License-Identifier: GPL-2.0-only
//! Events of the kernel part, decoded and checked.

use crate::bpf::intf;
use crate::lane::Record;

/// One input report: when, where, by what kind of device. `struct input_report`
/// in `src/bpf/intf.h`; nothing in it tells a key or a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputReport {
    pub at_ns: u64,
    pub device: u32,
    pub cpu: u16,
    pub device_class: u8,
}

impl InputReport {
    /// None for anything that the kernel part cannot have written into the lane of
    /// this CPU.
    pub fn decode(record: &Record, lane_of: usize) -> Option<Self> {
        const { assert!(size_of::<Record>() == size_of::<intf::input_report>()) };
        // SAFETY: of the struct's size and alignment, and every bit pattern is a
        // value of it.
        let raw = unsafe { record.as_ptr().cast::<intf::input_report>().read() };
        let known = u32::from(raw.device_class) < intf::device_class_NR_DEVICE_CLASSES
            && usize::from(raw.cpu) == lane_of
            && raw.reserved == 0;
        known.then_some(InputReport {
            at_ns: raw.at,
            device: raw.device,
            cpu: raw.cpu,
            device_class: raw.device_class,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(at: u64, device: u32, cpu: u16, class: u8, reserved: u8) -> Record {
        let mut word = device.to_ne_bytes().to_vec();
        word.extend(cpu.to_ne_bytes());
        word.extend([class, reserved]);
        [at, u64::from_ne_bytes(word.try_into().unwrap())]
    }

    #[test]
    fn round_trip() {
        let got = InputReport::decode(&record(7, 3, 2, 1, 0), 2);
        assert_eq!(
            got,
            Some(InputReport {
                at_ns: 7,
                device: 3,
                cpu: 2,
                device_class: 1
            })
        );
    }

    #[test]
    fn everything_else_is_refused() {
        assert_eq!(InputReport::decode(&record(7, 3, 2, 6, 0), 2), None);
        assert_eq!(InputReport::decode(&record(7, 3, 3, 1, 0), 2), None);
        assert_eq!(InputReport::decode(&record(7, 3, 2, 1, 1), 2), None);
    }
}
