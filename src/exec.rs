// SPDX-License-Identifier: GPL-2.0-only
//! The exec probe: an object of its own that tells which programs start, and which
//! processes are moved into another cgroup.

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::ptr::read_volatile;
use std::rc::Rc;

use anyhow::{Context, Result};
use libbpf_rs::skel::OpenSkel;
use libbpf_rs::{Link, MapCore, MapFlags, MapHandle, OpenObject, RingBuffer, RingBufferBuilder};

use crate::bpf::exec::*;
use crate::bpf::intf;
use crate::cli::Cli;
use crate::libbpf;

/// A program starts, or a process is moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exec {
    pub pid: u32,
    pub parent: u32,
    /// Its number in the unified hierarchy.
    pub cgroup: u64,
    /// Into that cgroup; else a program starts in it.
    pub moved: bool,
    pub comm: String,
    /// The same with all of its bytes.
    pub raw_comm: [u8; COMM_BYTES],
}

/// TASK_COMM_LEN of include/linux/sched.h.
const COMM_BYTES: usize = 16;

impl Exec {
    /// None for anything that the kernel part cannot have written.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != size_of::<intf::exec_event>() {
            return None;
        }
        // SAFETY: the length is that of the struct, every bit pattern is a value
        // of it, and an unaligned read needs no alignment.
        let raw = unsafe { bytes.as_ptr().cast::<intf::exec_event>().read_unaligned() };
        let chars = raw.comm.iter().map(|c| *c as u8);
        let comm: Vec<u8> = chars.take_while(|c| *c != 0).collect();
        Some(Exec {
            pid: raw.pid,
            parent: raw.parent,
            cgroup: raw.cgroup,
            moved: raw.moved != 0,
            comm: String::from_utf8_lossy(&comm).into_owned(),
            raw_comm: raw.comm.map(|c| c as u8),
        })
    }
}

pub struct ExecProbe<'a> {
    skel: ExecSkel<'a>,
    /// Detached when dropped.
    _links: [Link; 2],
}

impl<'a> ExecProbe<'a> {
    pub fn attach(cli: &Cli, object: &'a mut MaybeUninit<OpenObject>) -> Result<Self> {
        let options = libbpf::options(&cli.libbpf)?;
        let opened = libbpf::open(ExecSkelBuilder::default(), options, object);
        let mut open = opened.context("opening")?;
        open.progs.scx_lib_init_probe.set_autoload(false);
        let skel = open.load().context("loading")?;
        let links = [
            skel.progs.on_exec.attach().context("attaching")?,
            skel.progs.on_move.attach().context("attaching")?,
        ];
        Ok(ExecProbe {
            skel,
            _links: links,
        })
    }

    /// Events lost because nobody read them in time.
    pub fn lost(&self) -> u64 {
        let data = self.skel.maps.bss_data.as_ref();
        // SAFETY: one aligned word of mapped memory that the kernel writes.
        data.map_or(0, |d| unsafe { read_volatile(&d.execs_lost) })
    }
}

/// The ring of events, what was read and not yet looked at, and what the kernel
/// part is to keep to itself.
pub struct Execs<'a> {
    buffer: RingBuffer<'a>,
    read: Rc<RefCell<Vec<Exec>>>,
    boring: MapHandle,
    tracked: MapHandle,
}

/// The kernel part wants keys alone.
const PRESENT: [u8; 1] = [1];

impl Execs<'_> {
    pub fn new(probe: &ExecProbe<'_>) -> Result<Self> {
        let read = Rc::new(RefCell::new(Vec::new()));
        let into = Rc::clone(&read);
        let mut builder = RingBufferBuilder::new();
        let on_record = move |bytes: &[u8]| {
            into.borrow_mut().extend(Exec::decode(bytes));
            0
        };
        builder
            .add(&probe.skel.maps.execs, on_record)
            .context("adding the ring of programs")?;
        let buffer = builder.build().context("mapping the ring of programs")?;
        Ok(Execs {
            buffer,
            read,
            boring: MapHandle::try_from(&probe.skel.maps.boring).context("a map of the probe")?,
            tracked: MapHandle::try_from(&probe.skel.maps.tracked).context("a map of the probe")?,
        })
    }

    /// The descriptor to wait on.
    pub fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to `buffer`, which outlives the borrow.
        unsafe { BorrowedFd::borrow_raw(self.buffer.epoll_fd()) }
    }

    /// Of such programs nothing more is to be told. That it is told is only a cost.
    pub fn bore(&self, exec: &Exec) {
        let mut key = exec.cgroup.to_ne_bytes().to_vec();
        key.extend(exec.raw_comm);
        let _ = self.boring.update(&key, &PRESENT, MapFlags::ANY);
    }

    /// Everything is to be told again: what bores has changed.
    pub fn listen(&self) {
        for key in self.boring.keys() {
            let _ = self.boring.delete(&key);
        }
    }

    /// The children of this process are told of, whatever they are. False without room.
    pub fn track(&self, pid: u32) -> bool {
        let key = pid.to_ne_bytes();
        self.tracked.update(&key, &PRESENT, MapFlags::ANY).is_ok()
    }

    /// Its children are like others again.
    pub fn untrack(&self, pid: u32) {
        // It may never have found room.
        let _ = self.tracked.delete(&pid.to_ne_bytes());
    }

    /// Everything that waits.
    pub fn take(&self) -> Result<Vec<Exec>> {
        self.buffer
            .consume()
            .context("reading the ring of programs")?;
        Ok(self.read.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_decoded() {
        let mut record = 7u64.to_ne_bytes().to_vec();
        for word in [100u32, 1] {
            record.extend(word.to_ne_bytes());
        }
        record.extend(*b"game.exe\0junk...");
        record.extend(1u64.to_le_bytes());
        let exec = Exec::decode(&record).expect("an event");
        assert_eq!((exec.pid, exec.parent, exec.cgroup), (100, 1, 7));
        assert_eq!(exec.comm, "game.exe");
        assert!(exec.moved);
        assert_eq!(Exec::decode(&record[1..]), None);
    }
}
