// SPDX-License-Identifier: GPL-2.0-only
//! A real-time hog that keeps a CPU for longer than the kernel lets a runnable task wait, and something is bound there.
//! From 7.0 on the kernel itself serves the bound task now and then. Before, it ejects the scheduler, as it would every
//! other one, and the line that says so names the real-time hog.

use crate::latch;
use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::release::is_before;
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_MS;
use photon_bench::sys::sched::Policy;
use serde_json::json;
use std::time::{Duration, Instant};

/// From here on the class has a server of its own, which runs before real-time tasks for a twentieth of the time.
const SERVED: [u32; 2] = [7, 0];
const CPU: usize = 1;
/// The watchdog's 5 s, and that it looks every 2.5 s.
const HELD: Duration = Duration::from_secs(8);
const POLL: Duration = Duration::from_millis(100);
const LIMIT: Duration = Duration::from_secs(10);
/// How it is called in the line.
const NAME: &str = "rt-hog";

pub fn run(ctx: &Ctx) -> Outcome {
    let photon = Photon::start(ctx, &[])?;
    let bound = Load::start(&[Worker::hog("bound").on(CPU)])?;
    let hog = Worker::hog(NAME).policy(Policy::Fifo(1)).on(CPU);
    let held = Load::start(&[hog])?;
    let begin = Instant::now();
    while begin.elapsed() < HELD && photon.is_alive()? {
        std::thread::sleep(POLL);
    }
    held.finish()?;
    let waited = bound.finish()?.iter().map(|d| d.max_wait_ns).max();
    let waited_ms = waited.unwrap_or(0) / NS_PER_MS;
    if is_before(SERVED)? {
        let said = latch::ejected(&photon.wait(LIMIT)?)?;
        if !said.contains(NAME) {
            return Err(Fail::failed(format!("the hog is not named: {said:?}")));
        }
        latch::clear(ctx)?;
        return Ok(json!({"waited_ms": waited_ms, "said": said}));
    }
    if !photon.is_alive()? || scx_state().as_deref() != Some("enabled") {
        return Err(Fail::failed(format!("ejected: {}", photon.log())));
    }
    photon.stop()?;
    Ok(json!({"waited_ms": waited_ms}))
}
