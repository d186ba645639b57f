// SPDX-License-Identifier: GPL-2.0-only
//! Boots out of one queue, several at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// More boots at a time than this gain nothing on the machines people have: the longest one decides.
const MOST_BOOTS: usize = 4;

/// As many as are asked for, else one a CPU.
pub fn workers(asked: Option<usize>) -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, |n| n.get());
    asked.unwrap_or(cpus.min(MOST_BOOTS)).max(1)
}

/// Works on all of them, in their order, and returns when the last one is done.
pub fn run<T: Send>(tasks: Vec<T>, workers: usize, work: impl Fn(T) + Sync) {
    let queue = Mutex::new(tasks.into_iter());
    let worker = || {
        loop {
            // A statement of its own: in the head of a `while let` the queue stays locked while the body runs, and one
            // worker waits for the other.
            let next = lock(&queue).next();
            let Some(task) = next else { return };
            work(task);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(worker);
        }
    });
}

/// A worker that panicked has printed why, and leaves what is still whole; the others go on.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Condvar;
    use std::time::Duration;

    /// Where they cannot meet, the first gives up after this.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn two_workers_work_at_the_same_time() {
        let (there, changed) = (Mutex::new(0), Condvar::new());
        let met = Mutex::new(Vec::new());
        run(vec![1, 2], 2, |task| {
            let mut there = lock(&there);
            *there += 1;
            changed.notify_all();
            let alone = |there: &mut i32| *there < 2;
            let (guard, waited) = changed.wait_timeout_while(there, PATIENCE, alone).unwrap();
            drop(guard);
            lock(&met).push((task, !waited.timed_out()));
        });
        let mut met = lock(&met).clone();
        met.sort();
        assert_eq!(met, [(1, true), (2, true)]);
    }

    #[test]
    fn every_task_is_done_once() {
        let done = Mutex::new(Vec::new());
        run((0..100).collect(), 3, |task| lock(&done).push(task));
        let mut done = lock(&done).clone();
        done.sort();
        assert!(done.into_iter().eq(0..100));
        assert!(workers(None) >= 1 && workers(None) <= MOST_BOOTS);
        assert_eq!((workers(Some(0)), workers(Some(9))), (1, 9));
    }
}
