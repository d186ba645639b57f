// SPDX-License-Identifier: GPL-2.0-only
//! Three hogs a CPU: how long the reader of a 1 kHz mouse waits for a CPU, under the kernel's own scheduler and under
//! scx_photon in one boot, and what the hogs get done meanwhile. Arguments: `--seconds N`.

use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::demo;
use serde_json::{Value, json};

const SECONDS: u64 = 5;
/// The delay under the kernel's own scheduler is at least so many times as long.
const GAIN: f64 = 5.0;
/// The share of their work that the hogs keep.
const WORK: f64 = 0.97;

pub fn run(ctx: &Ctx) -> Outcome {
    let seconds = ctx.number("--seconds", SECONDS)?;
    let eevdf = demo::bench(ctx, seconds)?;
    let photon = Photon::start(ctx, &[])?;
    let ours = demo::bench(ctx, seconds)?;
    if scx_state().as_deref() != Some("enabled") {
        return Err(Fail::failed(format!("ejected: {}", photon.log())));
    }
    photon.stop()?;
    let p99 = |report: &Value| number(report, "/input_us/p99");
    let work = |report: &Value| number(report, "/work/hogs");
    let gain = p99(&eevdf)? / p99(&ours)?;
    let kept = work(&ours)? / work(&eevdf)?;
    if eevdf["input_source"] != "uinput" {
        return Err(Fail::skip("no uinput: no input to measure"));
    }
    let metrics = json!({
        "input_p99_us": {"eevdf": p99(&eevdf)?, "photon": p99(&ours)?},
        "gain": gain, "work_kept": kept,
        "frame_p99_ms": {"eevdf": eevdf["frame_ms"]["p99"], "photon": ours["frame_ms"]["p99"]},
    });
    if gain < GAIN {
        return Err(Fail::failed(format!(
            "input p99 is only {gain:.2} times lower, not {GAIN}: {metrics}"
        )));
    }
    if kept < WORK {
        return Err(Fail::failed(format!(
            "the hogs keep {kept:.3} of their work, not {WORK}: {metrics}"
        )));
    }
    Ok(metrics)
}

fn number(report: &Value, pointer: &str) -> Result<f64, Fail> {
    let value = report.pointer(pointer).and_then(Value::as_f64);
    value.ok_or_else(|| Fail::failed(format!("photon-bench reports no {pointer}: {report}")))
}
