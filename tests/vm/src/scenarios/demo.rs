// SPDX-License-Identifier: GPL-2.0-only
//! What `cargo xtask run` shows on a machine without sched_ext: the same game in a box under the kernel's own
//! scheduler and under scx_photon, in one boot. It judges nothing; the table does the talking.
//! Arguments: `--seconds N`, and after `--` flags for scx_photon.

use crate::bench;
use crate::photon::Photon;
use crate::scenario::{Ctx, Outcome};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

const SECONDS: u64 = 10;
/// Often enough to see it live, seldom enough not to disturb: each line costs guest time.
const STATS_SECONDS: &str = "2";

pub fn run(ctx: &Ctx) -> Outcome {
    let seconds = ctx.number("--seconds", SECONDS)?;
    ctx.log(format!(
        "EEVDF: a 1 kHz mouse, a 60 Hz frame loop and 3 hogs a CPU for {seconds} s"
    ));
    let eevdf = bench(ctx, seconds)?;
    let mut flags = vec!["--stats", STATS_SECONDS];
    let own_flags = ctx.args.iter().skip_while(|a| *a != "--").skip(1);
    flags.extend(own_flags.map(String::as_str));
    ctx.log("scx_photon: attaching");
    let photon = Photon::start_live(ctx, &flags)?;
    ctx.log("scx_photon: the same again");
    let with_photon = bench(ctx, seconds)?;
    photon.stop()?;
    Ok(json!({"eevdf": eevdf, "photon": with_photon}))
}

/// The report of `photon-bench demo`.
pub fn bench(ctx: &Ctx, seconds: u64) -> Outcome {
    let output = bench::output(
        Command::new(&ctx.photon_bench)
            .args(["demo", "--json", "--seconds", &seconds.to_string()])
            .stderr(Stdio::inherit()),
    )?;
    let text = String::from_utf8_lossy(&output);
    let line = text.lines().last().unwrap_or_default();
    Ok(serde_json::from_str::<Value>(line)?)
}
