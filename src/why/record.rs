// SPDX-License-Identifier: GPL-2.0-only
//! The records of the kernel part (`src/bpf/why.h`), decoded and checked.

use crate::bpf::intf;
use crate::printable::printable;

/// ns: the clock of a machine that has run for 146 years. Above, sums of times could overflow.
const TIME_MAX: u64 = 1 << 62;
pub const COMM_LEN: usize = intf::why_consts_WHY_COMM_LEN as usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runnable, and not on a CPU.
    Wait,
    /// Awake, from wakeup to sleep.
    Turn,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub kind: Kind,
    /// ns: became runnable; turn: woke up.
    pub from: u64,
    /// ns: got a CPU; turn: fell asleep.
    pub at: u64,
    /// ns: end of the chain it carries, 0 without one.
    pub chain_until: u64,
    pub pid: u32,
    pub tgid: u32,
    /// ns of CPU since the wakeup.
    pub used: u64,
    pub cpu: u16,
    pub class: u8,
    pub source: u8,
    pub depth: u8,
    /// Turn: pid of the task that woke it; 0: none did.
    pub waker: u32,
    pub flags: u8,
    /// The task state it sleeps in.
    pub sleep: u32,
    pub comm: String,
    /// Who had the CPU for longest, as far as is known, or else last; 0 and empty if nobody had.
    pub other_pid: u32,
    pub other_tgid: u32,
    /// ns of the wait that it ran; 0: not known.
    pub other_ran: u64,
    pub other_class: u8,
    pub other_comm: String,
}

impl Record {
    /// None for anything that the kernel part cannot have written.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != size_of::<intf::why_record>() {
            return None;
        }
        // SAFETY: the length is that of the struct, every bit pattern is a value
        // of it, and an unaligned read needs no alignment.
        let raw = unsafe { bytes.as_ptr().cast::<intf::why_record>().read_unaligned() };
        let kind = match u32::from(raw.kind) {
            intf::why_kind_WHY_WAIT => Kind::Wait,
            intf::why_kind_WHY_TURN => Kind::Turn,
            _ => return None,
        };
        let known = |class: u8| u32::from(class) < intf::task_class_NR_CLASSES;
        if !known(raw.class)
            || !known(raw.other_class)
            || u32::from(raw.cpu) >= intf::consts_MAX_CPUS
            || raw.from > raw.at
            || raw.at > TIME_MAX
        {
            return None;
        }
        Some(Record {
            kind,
            from: raw.from,
            at: raw.at,
            chain_until: raw.chain_until,
            pid: raw.pid,
            tgid: raw.tgid,
            used: u64::from(raw.used),
            cpu: raw.cpu,
            class: raw.class,
            source: raw.source,
            depth: raw.depth,
            waker: raw.waker,
            flags: raw.flags,
            sleep: raw.sleep,
            comm: name(&raw.comm),
            other_pid: raw.other_pid,
            other_tgid: raw.other_tgid,
            other_ran: u64::from(raw.other_ran),
            other_class: raw.other_class,
            other_comm: name(&raw.other_comm),
        })
    }

    pub fn has(&self, flag: u32) -> bool {
        u32::from(self.flags) & flag != 0
    }

    /// Was its chain alive when it woke up?
    pub fn in_chain(&self) -> bool {
        self.chain_until > self.from
    }

    /// Later in the chain of such a source.
    pub fn follows(&self) -> bool {
        self.depth > 0 && u32::from(self.source) != intf::source_SRC_INPUT
    }

    /// Woken by a source itself, other than input: a timer, a vblank, a fence, a
    /// real-time task. That is how a frame begins.
    pub fn begins_frame(&self) -> bool {
        self.kind == Kind::Turn
            && self.in_chain()
            && self.depth == 0
            && u32::from(self.source) != intf::source_SRC_INPUT
    }
}

/// A name may be anything: what could move a terminal's cursor becomes `?`.
fn name(chars: &[std::ffi::c_char; COMM_LEN]) -> String {
    let bytes: Vec<u8> = chars
        .iter()
        .map(|c| *c as u8)
        .take_while(|b| *b != 0)
        .collect();
    printable(&String::from_utf8_lossy(&bytes))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A turn of thread `pid` of process 1.
    pub fn turn(pid: u32, from: u64, at: u64, used: u64) -> Record {
        Record {
            kind: Kind::Turn,
            from,
            at,
            chain_until: from + 20_000_000,
            pid,
            tgid: 1,
            used,
            cpu: 0,
            class: intf::task_class_CLASS_FRAME as u8,
            source: intf::source_SRC_IRQ as u8,
            depth: 0,
            waker: 0,
            flags: 0,
            sleep: 1,
            comm: format!("thread{pid}"),
            other_pid: 0,
            other_tgid: 0,
            other_ran: 0,
            other_class: 0,
            other_comm: String::new(),
        }
    }

    /// A wait of thread `pid` of process 1 behind task 99.
    pub fn wait(pid: u32, from: u64, at: u64, other_class: u32, flags: u32) -> Record {
        Record {
            kind: Kind::Wait,
            other_pid: 99,
            other_tgid: 99,
            other_class: other_class as u8,
            other_comm: "other".into(),
            flags: flags as u8,
            ..turn(pid, from, at, 0)
        }
    }

    #[test]
    fn what_the_kernel_part_cannot_write_is_refused() {
        let size = size_of::<intf::why_record>();
        assert!(Record::decode(&vec![0; size - 1]).is_none());
        assert!(Record::decode(&vec![0; size]).is_some());
        let mut bad = vec![0; size];
        bad[std::mem::offset_of!(intf::why_record, kind)] = 9;
        assert!(Record::decode(&bad).is_none());
        let mut bad = vec![0; size];
        bad[std::mem::offset_of!(intf::why_record, class)] = 99;
        assert!(Record::decode(&bad).is_none());
        let mut bad = vec![0; size];
        bad[0] = 1; // from after at
        assert!(Record::decode(&bad).is_none());
    }
}
