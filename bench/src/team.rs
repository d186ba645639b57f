// SPDX-License-Identifier: GPL-2.0-only
//! A set of threads that end when their window closes. A thread that sleeps then is woken by a
//! signal that does nothing but interrupt, so no wait needs a timeout, and timeouts (which cost a
//! timer on every wait) do not colour what is measured.

use crate::sys::{sched, signal};
use anyhow::{Result, anyhow};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Pause between two rounds of interrupting: a thread may have been between its look at the clock
/// and its sleep.
const INTERRUPT_PAUSE: Duration = Duration::from_millis(5);
/// A role thread needs little stack, and 1,000 of them must fit into a small test machine.
const STACK_BYTES: usize = 256 * 1024;

struct Member<T> {
    name: String,
    tid: Arc<AtomicI32>,
    handle: JoinHandle<Result<T>>,
}

/// Threads of one process, each returning a `T`.
pub struct Team<T> {
    members: Vec<Member<T>>,
}

impl<T: Send + 'static> Team<T> {
    pub fn new() -> Result<Self> {
        signal::install_interrupt()?;
        Ok(Self {
            members: Vec::new(),
        })
    }

    /// Start a thread: `comm` is what the kernel calls it, `name` what reports call it.
    pub fn spawn(
        &mut self,
        name: &str,
        comm: &str,
        policy: sched::Policy,
        body: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<()> {
        let tid = Arc::new(AtomicI32::new(0));
        let (published, comm) = (Arc::clone(&tid), comm.to_string());
        let run = move || {
            sched::set_comm(&comm);
            sched::set_policy(policy)?;
            published.store(sched::gettid(), Ordering::Release);
            body()
        };
        let handle = Builder::new().stack_size(STACK_BYTES).spawn(run)?;
        self.members.push(Member {
            name: name.to_string(),
            tid,
            handle,
        });
        Ok(())
    }

    /// Name and thread id of every member that has started.
    pub fn tids(&self) -> Vec<(String, i32)> {
        self.members
            .iter()
            .map(|m| (m.name.clone(), m.tid.load(Ordering::Acquire)))
            .collect()
    }

    /// After the window closed: interrupt whoever sleeps until all have returned.
    pub fn join(self) -> Result<Vec<(String, T)>> {
        while self.members.iter().any(|m| !m.handle.is_finished()) {
            for member in self.members.iter().filter(|m| !m.handle.is_finished()) {
                match member.tid.load(Ordering::Acquire) {
                    0 => (),
                    tid => signal::interrupt(tid),
                }
            }
            std::thread::sleep(INTERRUPT_PAUSE);
        }
        let join = |m: Member<T>| -> Result<(String, T)> {
            let result = m
                .handle
                .join()
                .map_err(|_| anyhow!("thread {} panicked", m.name))?;
            let value = result.map_err(|e| e.context(format!("thread {}", m.name)))?;
            Ok((m.name, value))
        };
        self.members.into_iter().map(join).collect()
    }
}
