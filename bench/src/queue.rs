// SPDX-License-Identifier: GPL-2.0-only
//! A queue between threads of one process: a lock, and a semaphore that wakes the reader.

use crate::gate::Gate;
use crate::sema::Sema;
use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub struct Queue<T> {
    items: Mutex<VecDeque<T>>,
    ready: Sema,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::new(Sema::Futex(Gate::new()))
    }
}

impl<T> Queue<T> {
    /// `ready` counts the items, so it must start at zero.
    pub fn new(ready: Sema) -> Self {
        Self {
            items: Mutex::new(VecDeque::new()),
            ready,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, item: T) -> io::Result<()> {
        self.lock().push_back(item);
        self.ready.post(1)
    }

    /// Block for the next item. `Interrupted` on a signal.
    pub fn pop(&self) -> io::Result<T> {
        self.ready.take()?;
        self.lock()
            .pop_front()
            .ok_or_else(|| io::Error::other("a queue was woken without an item"))
    }
}
