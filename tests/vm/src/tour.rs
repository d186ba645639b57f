// SPDX-License-Identifier: GPL-2.0-only
//! The stops of the counter tour: each makes a situation that some counters are about.

use crate::load::{Load, Worker, allow_all, bind_process, burn, pin};
use crate::scenario::Fail;
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::futex;
use photon_bench::sys::sched::{Policy, cpus, set_policy};
use photon_bench::sys::uinput::{Mouse, Reader};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const RUN: Duration = Duration::from_secs(1);

/// More runnable tasks than CPUs, of every kind, bound and not.
pub fn crowd() -> Result<(), Fail> {
    let mut workers = Vec::new();
    for cpu in 0..cpus() {
        workers.extend([
            Worker::hog("hog"),
            Worker::hog("pinned").on(cpu),
            Worker::hog("nap").naps(2 * NS_PER_MS, NS_PER_MS),
            Worker::hog("pinned-nap")
                .on(cpu)
                .naps(200 * NS_PER_US, NS_PER_MS),
            Worker::hog("batch")
                .policy(Policy::Batch { nice: 0 })
                .naps(5 * NS_PER_MS, NS_PER_MS),
            Worker::hog("rt")
                .policy(Policy::Fifo(1))
                .naps(500 * NS_PER_US, 5 * NS_PER_MS),
        ]);
    }
    run(&workers, RUN)
}

/// Fewer tasks than CPUs: some are idle, and of two caches one has less to do than the other.
pub fn few() -> Result<(), Fail> {
    let workers = [
        Worker::hog("hog"),
        Worker::hog("nap").naps(NS_PER_MS, NS_PER_MS),
        Worker::hog("nap").naps(3 * NS_PER_MS, NS_PER_MS),
    ];
    run(&workers, RUN / 2)
}

/// One hog more than CPUs, and short sleepers: the queue of one cache runs dry while that of another does not.
pub fn uneven() -> Result<(), Fail> {
    let mut workers = Vec::new();
    for _ in 0..cpus() + 1 {
        workers.push(Worker::hog("hog"));
        workers.push(Worker::hog("nap").naps(NS_PER_MS, 2 * NS_PER_MS));
    }
    run(&workers, RUN / 2)
}

/// Two hogs bound to one CPU while the others idle, then let go: who waits there is queued anew beside idle CPUs.
pub fn let_go() -> Result<(), Fail> {
    const BOUND: Duration = Duration::from_millis(100);
    let load = Load::start(&[Worker::hog("bound").on(0); 2])?;
    std::thread::sleep(BOUND);
    bind_process(Path::new("/proc/self"), 0..cpus())?;
    std::thread::sleep(BOUND);
    load.finish()?;
    Ok(())
}

/// A real-time task holds a CPU for longer than the two hogs bound to it may wait.
pub fn held_by_realtime() -> Result<(), Fail> {
    const HELD_NS: u64 = 250 * NS_PER_MS;
    const PERIOD_NS: u64 = 300 * NS_PER_MS;
    let rt = Worker::hog("rt").policy(Policy::Fifo(1)).on(0);
    let bound = Worker::hog("bound").on(0);
    run(&[bound, bound, rt.every(PERIOD_NS, HELD_NS)], RUN / 2)
}

/// Frames for more time than there is, so that hogs beside them are overdue: both take turns. A game's few frames do not
/// do for that, since the hogs' deadlines are as long as their round.
pub fn overload() -> Result<(), Fail> {
    const HOGS_A_CPU: usize = 8;
    const PAINTERS_A_CPU: usize = 3;
    const FRAME: Duration = Duration::from_millis(15);
    let hogs = Load::start(&vec![Worker::hog("hog"); HOGS_A_CPU * cpus()])?;
    let frame = AtomicU32::new(0);
    let frames = (RUN.as_nanos() / FRAME.as_nanos()) as u32;
    std::thread::scope(|scope| -> Result<(), Fail> {
        let painters = PAINTERS_A_CPU * cpus();
        let painting: Vec<_> = (0..painters)
            .map(|_| scope.spawn(|| paint(&frame, frames)))
            .collect();
        // Whom a real-time task wakes are frame tasks, like those of a sound server.
        let beat = scope.spawn(|| -> io::Result<()> {
            let real_time = set_policy(Policy::Fifo(1));
            // Without it, too, or the painters would wait for ever.
            for i in 1..=frames {
                std::thread::sleep(FRAME);
                frame.store(i, Ordering::Relaxed);
                futex::wake(&frame, i32::MAX);
            }
            real_time
        });
        for thread in painting.into_iter().chain([beat]) {
            let ended = thread.join();
            ended.map_err(|_| Fail::failed("a painter panicked"))??;
        }
        Ok(())
    })?;
    hogs.finish()?;
    Ok(())
}

/// 6 ms of work for each frame that there is, until the last.
fn paint(frame: &AtomicU32, last: u32) -> io::Result<()> {
    /// Three of them are 18 ms, of 15.
    const WORK_NS: u64 = 6 * NS_PER_MS;
    let mut seen = 0;
    while seen < last {
        match futex::wait(frame, seen) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
            _ => {}
        }
        seen = frame.load(Ordering::Relaxed);
        burn(WORK_NS);
    }
    Ok(())
}

fn run(workers: &[Worker], time: Duration) -> Result<(), Fail> {
    let load = Load::start(workers)?;
    std::thread::sleep(time);
    load.finish()?;
    Ok(())
}

/// A real-time task holds the CPU that the reader of a mouse ran on last, and all others run hogs; so the reader gets
/// the CPU of the ordinary task that makes the reports.
pub fn readers_cpu_taken() -> Result<(), Fail> {
    const ROUNDS: usize = 12;
    const READERS_CPU: usize = 1;
    /// More than a frame task may use per wakeup, so that the reporting task is ordinary again.
    const BEFORE_REPORT_NS: u64 = 30 * NS_PER_MS;
    if cpus() <= READERS_CPU {
        return Ok(());
    }
    let mouse = Mouse::new("photon-guest mouse")?;
    let reader = Reader::open(mouse.node())?;
    let taken = Worker::hog("rt").policy(Policy::Fifo(1)).on(READERS_CPU);
    let mut workers = vec![Worker::hog("hog"); cpus()];
    // Longer than two beats of the kernel part's timer, so that it also sees who is stranded there.
    workers.push(taken.naps(45 * NS_PER_MS, 15 * NS_PER_MS));
    let load = Load::start(&workers)?;
    let (ready, go) = std::sync::mpsc::channel();
    std::thread::scope(|scope| -> Result<(), Fail> {
        let reading = scope.spawn(move || -> io::Result<()> {
            for _ in 0..ROUNDS {
                pin(READERS_CPU)?;
                allow_all()?;
                // Nobody listens only if the scenario has failed already.
                let _ = ready.send(());
                reader.read(|_| ())?;
            }
            Ok(())
        });
        pin(0)?;
        for () in go {
            burn(BEFORE_REPORT_NS);
            mouse.report()?;
        }
        allow_all()?;
        let read = reading.join();
        read.map_err(|_| Fail::failed("the reader panicked"))??;
        Ok(())
    })?;
    load.finish()?;
    Ok(())
}

/// Two tasks bound to one CPU, woken by one interrupt while it is idle: both are put on it, and the first, which is a
/// frame task because this process has just read input, must not keep the second waiting for its whole budget. Then
/// the same with a real-time task that must not keep both.
pub fn in_step() -> Result<(), Fail> {
    /// Longer than a tick, and together well below the period, or the CPU would not be idle at its end.
    const BURST_NS: u64 = 6 * NS_PER_MS;
    const PERIOD_NS: u64 = 30 * NS_PER_MS;
    let twin = Worker::hog("step").on(0).every(PERIOD_NS, BURST_NS);
    run(&[twin, twin], RUN / 4)?;
    let rt = Worker::hog("rt").policy(Policy::Fifo(1)).on(0);
    let rt = rt.naps(NS_PER_MS, 4 * NS_PER_MS);
    run(&[twin, twin, rt], RUN / 2)
}
