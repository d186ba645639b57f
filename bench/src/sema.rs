// SPDX-License-Identifier: GPL-2.0-only
//! What the game's threads wait on: a futex, or an object of the ntsync module.

use crate::gate::Gate;
use crate::scenario::Sync;
use crate::sys::ntsync;
use anyhow::Result;
use std::io;

#[derive(Debug)]
pub enum Sema {
    Futex(Gate),
    Ntsync(ntsync::Semaphore),
}

impl Sema {
    pub fn take(&self) -> io::Result<()> {
        match self {
            Self::Futex(gate) => gate.take(),
            Self::Ntsync(semaphore) => semaphore.take(),
        }
    }

    pub fn post(&self, n: u32) -> io::Result<()> {
        match self {
            Self::Futex(gate) => gate.post(n),
            Self::Ntsync(semaphore) => semaphore.post(n)?,
        }
        Ok(())
    }
}

/// Makes the semaphores of one process.
#[derive(Debug)]
pub enum SemaMaker {
    Futex,
    Ntsync(ntsync::Device),
}

impl SemaMaker {
    pub fn new(sync: Sync) -> Result<Self> {
        Ok(match sync {
            Sync::Futex => Self::Futex,
            Sync::Ntsync => Self::Ntsync(ntsync::Device::open()?),
        })
    }

    pub fn make(&self, count: u32) -> Result<Sema> {
        Ok(match self {
            Self::Futex => {
                let gate = Gate::new();
                gate.post(count);
                Sema::Futex(gate)
            }
            Self::Ntsync(device) => Sema::Ntsync(device.semaphore(count)?),
        })
    }
}
