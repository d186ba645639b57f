// SPDX-License-Identifier: GPL-2.0-only
//! Kernel lockdown, which comes with Secure Boot in some distributions: its mode "integrity" changes nothing, and
//! "confidentiality", where no BPF program may read the kernel's memory, is named by one line. The last of its boot: no
//! mode can be lowered again.

use crate::oneshot;
use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::attach::undue_warning;
use serde_json::json;
use std::process::Command;

const MODE: &str = "/sys/kernel/security/lockdown";
/// The documented exit code.
const REFUSED: i32 = 7;

pub fn run(ctx: &Ctx) -> Outcome {
    if !std::fs::exists(MODE)? {
        return Err(Fail::skip("a kernel without lockdown"));
    }
    std::fs::write(MODE, "integrity")?;
    let stopped = Photon::start(ctx, &[])?.stop()?;
    if let Some(warning) = undue_warning(&stopped.log) {
        return Err(Fail::failed(format!("integrity: {warning}")));
    }
    std::fs::write(MODE, "confidentiality")?;
    let refused = oneshot::run(&mut Command::new(&ctx.scx_photon))?;
    refused.expect("confidentiality", REFUSED, "lockdown")?;
    Ok(json!({"said": refused.stderr.trim()}))
}
