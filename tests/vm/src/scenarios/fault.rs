// SPDX-License-Identifier: GPL-2.0-only
//! Faults, injected one after the other while every CPU is busy: the scheduler stays attached, every task goes on, and
//! what is not itself the fault waits no longer than its bound. Arguments: the faults' names, or none for all of them;
//! `--long` for the full length; `--slack N` for limits N times as long, where the emulator alone takes as long: on 64
//! CPUs, of which one runs at a time.

use crate::fault::{Amount, FAULTS, Fault, NO_SLACK, Slack};
use crate::load::{Load, Worker};
use crate::photon::{Photon, scx_state};
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::{NS_PER_MS, NS_PER_US};
use photon_bench::sys::sched::{Policy, cpus};
use serde_json::{Map, Value, json};
use std::time::{Duration, Instant};

/// The load alone, before and after the fault.
const CALM: Duration = Duration::from_millis(150);
/// The kernel's watchdog looks every 2.5 s for who has waited for 5: by then that is an ejection, and the kernel runs
/// him. Who has not run even so is lost to both.
const LOST_AFTER: Duration = Duration::from_secs(10);
/// Kernel threads come and go by themselves.
const CONTEXTS_NOISE: i64 = 200;
/// Bound tasks may wait as long as a real-time task holds their CPU; everything else moves away.
const BOUND: &str = "bound";

pub fn run(ctx: &Ctx) -> Outcome {
    let long = ctx.flag("--long");
    let wanted: Vec<&str> = (ctx.args.iter().map(String::as_str))
        .filter(|a| {
            !a.starts_with("--")
                && ["--sabotage", "--slack"]
                    .iter()
                    .all(|o| ctx.option(o) != Some(a))
        })
        .collect();
    if let Some(unknown) = wanted.iter().find(|w| FAULTS.iter().all(|f| f.name != **w)) {
        return Err(Fail::failed(format!("no fault is called {unknown}")));
    }
    let slack = Slack::try_from(ctx.number("--slack", NO_SLACK.into())?)
        .map_err(|_| Fail::failed("--slack is too large"))?;
    let photon = Photon::start(ctx, &STATS)?;
    let (mut rows, mut before) = (Map::new(), Sample::settled(&photon)?);
    for fault in FAULTS {
        if wanted.is_empty() || wanted.contains(&fault.name) {
            let amount = if long { fault.long } else { fault.short };
            let (row, after) = one(&photon, fault, amount, slack, &before)?;
            before = after;
            ctx.log(format!("{}: {row}", fault.name));
            rows.insert(fault.name.into(), row);
        }
    }
    photon.stop()?;
    if rows.values().all(was_skipped) {
        return Err(Fail::skip(Value::Object(rows).to_string()));
    }
    Ok(Value::Object(rows))
}

/// How much, or why this machine cannot have that fault, which says nothing of the others.
fn what_was_done(ended: Result<u64, Fail>) -> Result<Value, Fail> {
    match ended {
        Ok(done) => Ok(json!(done)),
        Err(Fail::Skip(reason)) => Ok(json!({"skipped": reason})),
        Err(failed) => Err(failed),
    }
}

/// Of a row.
pub fn was_skipped(row: &Value) -> bool {
    row["done"].is_object()
}

/// Every CPU has a hog, a task that is bound to it, and others that come and go.
fn background() -> Vec<Worker> {
    let mut all = Vec::new();
    for cpu in 0..cpus() {
        all.extend([
            Worker::hog("hog"),
            Worker::hog(BOUND)
                .on(cpu)
                .naps(300 * NS_PER_US, 3 * NS_PER_MS),
            Worker::hog("nap").naps(NS_PER_MS, 2 * NS_PER_MS),
        ]);
    }
    all.push(Worker::hog("batch").policy(Policy::Batch { nice: 0 }));
    all
}

/// One fault beside the load. Where the clock is the host's, limits are `slack` times as long. Returns
/// what it came to and the statistics after it.
pub fn one(
    photon: &Photon,
    fault: &Fault,
    amount: Amount,
    slack: Slack,
    before: &Sample,
) -> Result<(Value, Sample), Fail> {
    let load = Load::start(&background())?;
    std::thread::sleep(CALM);
    let begin = Instant::now();
    let done =
        what_was_done((fault.run)(photon, amount, slack)).map_err(|f| f.in_context(fault.name))?;
    let took = begin.elapsed();
    let since = load.cpu_ns()?;
    // Also what a starved host is behind with.
    std::thread::sleep(CALM * slack);
    load.goes_on(&since, LOST_AFTER)
        .map_err(|f| f.in_context(fault.name))?;
    let tasks = load.finish()?;
    if scx_state().as_deref() != Some("enabled") {
        return Err(Fail::failed(format!(
            "{}: ejected: {}",
            fault.name,
            photon.log()
        )));
    }
    let after = Sample::settled(photon)?;
    let longest = |is_bound: bool| {
        let some = tasks.iter().filter(|t| (t.name == BOUND) == is_bound);
        some.map(|t| t.max_wait_ns).max().unwrap_or(0)
    };
    let (free, bound) = (longest(false), longest(true));
    let grew = |name: &str| Ok::<u64, Fail>(after.counter(name)? - before.counter(name)?);
    // Every task that has gone has given its context back.
    let contexts = grew("context_alloc")? as i64 - grew("context_free")? as i64;
    let row = json!({
        "done": done, "ms": took.as_millis() as u64,
        "wait_ms": free as f64 / NS_PER_MS as f64, "bound_wait_ms": bound as f64 / NS_PER_MS as f64,
        "contexts": contexts, "rescues": grew("rescue_overdue")?, "rt_rescues": grew("rt_rescue")?,
    });
    if contexts > CONTEXTS_NOISE {
        return Err(Fail::failed(format!(
            "{}: contexts leak: {row}",
            fault.name
        )));
    }
    let over = |ns: u64, limit_ms: u64| ns > limit_ms * NS_PER_MS * u64::from(slack);
    let free_limit_ms = fault.free_limit_ms(cpus());
    if over(free, free_limit_ms) || over(bound, fault.bound_limit_ms) {
        return Err(Fail::failed(format!(
            "{}: waited longer than {} ms, or bound to a CPU {} ms: {row}",
            fault.name, free_limit_ms, fault.bound_limit_ms
        )));
    }
    Ok((row, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_cannot_be_had_skips_itself_alone() {
        let row = |ended| Ok::<_, Fail>(json!({"done": what_was_done(ended)?}));
        assert!(was_skipped(
            &row(Err(Fail::skip("no cpu controller"))).unwrap()
        ));
        assert!(!was_skipped(&row(Ok(7)).unwrap()));
        assert!(row(Err(Fail::failed("ejected"))).is_err());
    }
}
