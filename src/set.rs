// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon set NAME=VALUE`: changes tunables of the running daemon, or shows them.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::caps;
use crate::client::Client;
use crate::shutdown::end_with_the_reader;
use crate::tables::TUNABLES;

/// The daemon answers with what the kernel part has then.
pub fn run(assignments: &[(String, String)], json: bool) -> Result<()> {
    // The daemon refuses as well, but knows nothing of our exit codes.
    if !assignments.is_empty() {
        caps::need_root("only root may change tunables")?;
    }
    let mut client = Client::connect()?;
    let values: BTreeMap<String, u64> = if assignments.is_empty() {
        client.ask("tunables")?
    } else {
        client.tell("set", assignments.to_vec())?
    };
    end_with_the_reader();
    if json {
        println!("{}", serde_json::to_string(&values)?);
        return Ok(());
    }
    for t in TUNABLES {
        let shown = assignments.is_empty() || assignments.iter().any(|(name, _)| name == t.name);
        if let (true, Some(value)) = (shown, values.get(t.name)) {
            println!("{}={value} {}", t.name, t.unit);
        }
    }
    Ok(())
}
