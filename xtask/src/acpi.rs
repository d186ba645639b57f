// SPDX-License-Identifier: GPL-2.0-only
//! CPU frequencies for the emulated machine: an ACPI table (`_PCT`, `_PSS` of the ACPI specification, 8.4.5) by which the
//! kernel's acpi-cpufreq takes the CPUs for some that can be set to these. Nothing runs faster or slower by it: what
//! is tested is what the kernel would ask of a CPU.

use acpi_tables::aml::{BufferData, Name, Package, Scope};
use acpi_tables::sdt::Sdt;
use acpi_tables::{Aml, AmlSink};

/// From the highest. The test looks for the first and the last.
const MHZ: [u32; 4] = [3000, 2200, 1600, 800];
/// Of a change; also how long nothing can run, in microseconds.
const LATENCY_US: u32 = 10;
const POWER_MW: u32 = 1000;
/// The board has nothing there: what is written is lost.
const PORT: u64 = 0x5c0;
const HEADER_BYTES: u32 = 36;
/// Generic Register Descriptor (6.4.3.7): its tag, the bytes that follow, system I/O, 8 bits wide, byte access.
const REGISTER: [u8; 7] = [0x82, 12, 0, 1, 8, 0, 1];
/// End of a resource template, with a checksum that is not used.
const END: [u8; 2] = [0x79, 0];

/// A table for so many CPUs. They are where QEMU's own tables have them.
pub fn frequencies(cpus: usize) -> Vec<u8> {
    let mut table = Sdt::new(*b"SSDT", HEADER_BYTES, 2, *b"PHOTON", *b"PSTATES\0", 1);
    let register = || {
        let mut bytes = REGISTER.to_vec();
        bytes.extend(PORT.to_le_bytes());
        bytes.extend(END);
        BufferData::new(bytes)
    };
    let (control, status) = (register(), register());
    let states: Vec<State> = (0..).zip(MHZ).map(|(n, mhz)| State { n, mhz }).collect();
    let states: Vec<&dyn Aml> = states.iter().map(|s| s as &dyn Aml).collect();
    let pct = Name::new("_PCT".into(), &Package::new(vec![&control, &status]));
    let pss = Name::new("_PSS".into(), &Package::new(states));
    for cpu in 0..cpus {
        let path = format!("\\_SB_.CPUS.C{cpu:03X}");
        Scope::new(path.as_str().into(), vec![&pct, &pss]).to_aml_bytes(&mut table);
    }
    table.as_slice().to_vec()
}

struct State {
    n: u32,
    mhz: u32,
}

impl Aml for State {
    fn to_aml_bytes(&self, sink: &mut dyn AmlSink) {
        let of_a_master = 0;
        let (control, status) = (self.n, self.n);
        let fields = [self.mhz, POWER_MW, LATENCY_US, of_a_master, control, status];
        let fields: Vec<&dyn Aml> = fields.iter().map(|f| f as &dyn Aml).collect();
        Package::new(fields).to_aml_bytes(sink);
    }
}
