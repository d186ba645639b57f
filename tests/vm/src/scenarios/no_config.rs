// SPDX-License-Identifier: GPL-2.0-only
//! Without a kernel configuration file anywhere it loads all the same.

use crate::photon::Photon;
use crate::scenario::{Ctx, Fail, Outcome};
use serde_json::json;
use std::path::Path;

const CONFIGS: [&str; 2] = ["/proc/config.gz", "/boot"];

pub fn run(ctx: &Ctx) -> Outcome {
    if let Some(there) = CONFIGS.iter().find(|p| Path::new(p).exists()) {
        return Err(Fail::skip(format!("this machine has {there}")));
    }
    Photon::start(ctx, &[])?.stop()?;
    Ok(json!({"absent": CONFIGS}))
}
