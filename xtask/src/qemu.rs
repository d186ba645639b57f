// SPDX-License-Identifier: GPL-2.0-only
//! The machines we emulate. Two kinds of time: virtual (one instruction is one nanosecond, the same result on every
//! host, however busy) and parallel (every virtual CPU a thread: real races, times that mean nothing).

use crate::qemu_package::Qemu;
use std::path::Path;
use std::process::Command;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    Virtual,
    Parallel,
    Kvm,
}

impl Clock {
    pub fn describe(self) -> &'static str {
        match self {
            Clock::Virtual => "emulated in virtual time",
            Clock::Parallel => "emulated in parallel",
            Clock::Kvm => "virtualised by KVM",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            // One global instruction counter is the clock; an idle machine jumps to its next timer.
            Clock::Virtual => &[
                "-accel",
                "tcg,thread=single",
                "-icount",
                "shift=0,sleep=off",
                "-cpu",
                "max",
            ],
            Clock::Parallel => &["-accel", "tcg,thread=multi", "-cpu", "max"],
            Clock::Kvm => &["-accel", "kvm", "-cpu", "host"],
        }
    }
}

#[derive(Debug, Clone)]
pub struct Machine {
    /// As QEMU's -smp takes it: `4`, or `8,sockets=2,cores=2,threads=2`.
    pub smp: String,
    pub clock: Clock,
    /// Adds a mouse and a keyboard whose reports come by interrupt, driven over QMP.
    pub input_devices: bool,
    /// Adds what a desk has: a display whose driver makes vblanks, by a timer, and whose modules the guest may load, and
    /// CPUs with frequencies, likewise.
    pub display: bool,
}

/// Room for 10,000 test tasks; an emulator takes from the host only what the guest touches.
const MEMORY: &str = "2G";
/// Boards without the HPET leave the guest no clock to calibrate its TSC by.
const BOARD: &str = "q35,hpet=on";
/// The same time of day and the same random numbers in every run.
const CALENDAR: &str = "base=2026-01-01,clock=vm";
const SEED: &str = "1";
/// The emulated CPU calls itself a K8, to which acpi-cpufreq does not talk through ports.
const NOT_A_K8: &str = "max,family=23";
/// No randomness the emulator does not control, no wait after a panic, nothing printed that costs guest time.
const KERNEL_LINE: &str = "console=ttyS0 random.trust_cpu=off nokaslr panic=-1 quiet loglevel=4 net.ifnames=0 rdinit=/init";

impl Machine {
    /// What most boots are: in virtual time, without devices.
    pub fn virtual_time(smp: &str) -> Machine {
        Machine {
            smp: smp.to_string(),
            clock: Clock::Virtual,
            input_devices: false,
            display: false,
        }
    }

    /// Not by how many sockets and threads.
    pub fn cpus(&self) -> usize {
        let cpus = self.smp.split(',').next().map(str::parse);
        cpus.and_then(Result::ok).unwrap_or(1)
    }

    pub fn command(&self, qemu: &Qemu, kernel: &Path, initramfs: &Path, qmp: &Path) -> Command {
        let mut command = qemu.command();
        command.args([
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-serial",
            "stdio",
            "-no-reboot",
        ]);
        command.args([
            "-M", BOARD, "-m", MEMORY, "-rtc", CALENDAR, "-seed", SEED, "-smp", &self.smp,
        ]);
        command.args(self.clock.arguments());
        if self.input_devices {
            command.args([
                "-device",
                "virtio-mouse-pci",
                "-device",
                "virtio-keyboard-pci",
            ]);
            command
                .arg("-qmp")
                .arg(format!("unix:{},server=on,wait=off", qmp.display()));
        }
        if self.display {
            command.args(["-device", "bochs-display"]);
            command.args(["-cpu", NOT_A_K8]);
        }
        command
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(initramfs)
            .args(["-append", KERNEL_LINE]);
        command
    }
}
