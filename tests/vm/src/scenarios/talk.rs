// SPDX-License-Identifier: GPL-2.0-only
//! Threads that do nothing but wake each other, as `perf bench sched pipe` and `perf bench sched messaging` have them:
//! what a scheduler costs where there is nothing to gain. In virtual time, where no CPU idles an instruction is a
//! nanosecond, so the time a round takes is the instructions it takes on all CPUs together.

use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Of the ping-pong; each is two wakeups.
const ROUND_TRIPS: u32 = 10_000;
/// As perf has them: each sender writes to each receiver of its group.
const GROUPS: usize = 2;
const PAIRS_A_GROUP: usize = 20;
/// perf's is 100; a fifth of it is 16,000 messages and enough to repeat within 1 %.
const LOOPS: usize = 20;
const MESSAGE: [u8; 100] = [0; 100];
/// Kernel's scheduler, ours, ours, the kernel's: a drift would hit both the same.
const ORDER: [bool; 4] = [false, true, true, false];
/// Of ours, ns a round trip: 28,500 to 29,000 were seen. The kernel's own scheduler is shown and no measure: it puts both
/// ends of a pipe on one CPU in some runs (24 us) and on two in others (49).
const PIPE_LIMIT_NS: u64 = 34_000;
/// Of ours, ns a message: 2,400 to 5,100 were seen at several phases of everything that is periodic.
const MESSAGE_LIMIT_NS: u64 = 6_400;

/// Under one scheduler, both of its turns together.
#[derive(Default)]
struct Took {
    pipe: Duration,
    messaging: Duration,
    /// Of its two turns, the one that took less: what another program's period falls into is no cost of ours.
    least_messaging: Option<Duration>,
}

pub fn run(ctx: &Ctx) -> Outcome {
    let (mut kernels, mut ours) = (Took::default(), Took::default());
    for under_photon in ORDER {
        let photon = match under_photon {
            true => Some(Photon::start(ctx, &[])?),
            false => None,
        };
        let took = match under_photon {
            true => &mut ours,
            false => &mut kernels,
        };
        took.pipe += ping_pong()?;
        let turn = messaging()?;
        took.messaging += turn;
        took.least_messaging = Some(took.least_messaging.map_or(turn, |least| least.min(turn)));
        if let Some(photon) = photon {
            photon.stop()?;
        }
    }
    let more = |ours: Duration, kernels: Duration| {
        100.0 * (ours.as_secs_f64() / kernels.as_secs_f64().max(f64::MIN_POSITIVE) - 1.0)
    };
    let (pipe_ns, message_ns) = (each(ours.pipe, ROUND_TRIPS), each(ours.messaging, MESSAGES));
    let metrics = json!({
        "pipe_percent": more(ours.pipe, kernels.pipe),
        "messaging_percent": more(ours.messaging, kernels.messaging),
        "pipe_ns": pipe_ns, "pipe_ns_kernel": each(kernels.pipe, ROUND_TRIPS),
        "message_ns": message_ns, "message_ns_kernel": each(kernels.messaging, MESSAGES),
    });
    let least_ns = ours
        .least_messaging
        .map_or(0, |t| (t / MESSAGES).as_nanos() as u64);
    if pipe_ns > PIPE_LIMIT_NS || least_ns > MESSAGE_LIMIT_NS {
        return Err(Fail::failed(format!(
            "more than {PIPE_LIMIT_NS} ns a round trip or {MESSAGE_LIMIT_NS} ns a message: {metrics}"
        )));
    }
    Ok(metrics)
}

const MESSAGES: u32 = (GROUPS * PAIRS_A_GROUP * PAIRS_A_GROUP * LOOPS) as u32;

/// Of one of two turns.
fn each(two_turns: Duration, count: u32) -> u64 {
    (two_turns / count / 2).as_nanos() as u64
}

fn ping_pong() -> Result<Duration, Fail> {
    let (mut a, mut b) = UnixStream::pair()?;
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let echo = scope.spawn(move || {
            let mut byte = [0];
            for _ in 0..ROUND_TRIPS {
                b.read_exact(&mut byte)?;
                b.write_all(&byte)?;
            }
            Ok::<_, std::io::Error>(())
        });
        let mut byte = [0];
        for _ in 0..ROUND_TRIPS {
            a.write_all(&byte)?;
            a.read_exact(&mut byte)?;
        }
        echo.join().map_err(|_| Fail::failed("a thread died"))??;
        Ok(begin.elapsed())
    })
}

fn messaging() -> Result<Duration, Fail> {
    let ready = Barrier::new(GROUPS * PAIRS_A_GROUP * 2 + 1);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for _ in 0..GROUPS {
            let mut into = Vec::new();
            for _ in 0..PAIRS_A_GROUP {
                let (write, read) = UnixStream::pair()?;
                into.push(write);
                let ready = &ready;
                threads.push(scope.spawn(move || receive(read, ready)));
            }
            for _ in 0..PAIRS_A_GROUP {
                let into = into
                    .iter()
                    .map(UnixStream::try_clone)
                    .collect::<Result<Vec<_>, _>>()?;
                let ready = &ready;
                threads.push(scope.spawn(move || send(into, ready)));
            }
        }
        ready.wait();
        let begin = Instant::now();
        for thread in threads {
            thread.join().map_err(|_| Fail::failed("a thread died"))??;
        }
        Ok(begin.elapsed())
    })
}

fn send(mut into: Vec<UnixStream>, ready: &Barrier) -> std::io::Result<()> {
    ready.wait();
    for _ in 0..LOOPS {
        for receiver in &mut into {
            receiver.write_all(&MESSAGE)?;
        }
    }
    Ok(())
}

fn receive(mut from: UnixStream, ready: &Barrier) -> std::io::Result<()> {
    ready.wait();
    let mut message = MESSAGE;
    for _ in 0..LOOPS * PAIRS_A_GROUP {
        from.read_exact(&mut message)?;
    }
    Ok(())
}
