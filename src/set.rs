// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon set NAME=VALUE`: changes tunables of the running daemon, or shows them.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::caps;
use crate::client::Client;
use crate::say;
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
        say::line(serde_json::to_string(&values)?)?;
        return Ok(());
    }
    for t in TUNABLES {
        let shown = assignments.is_empty() || assignments.iter().any(|(name, _)| name == t.name);
        if let (true, Some(value)) = (shown, values.get(t.name)) {
            say::line(format_args!("{}={value} {}", t.name, t.unit))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{self, Command};
    use crate::socket::REQUEST_MAX;
    use crate::tuning::RESET;
    use scx_stats::StatsRequest;

    /// The daemon hangs up at what is longer.
    #[test]
    fn all_tunables_at_once_are_a_request_that_is_taken() {
        let longest = |max: u64| match max.to_string() {
            value if value.len() > RESET.len() => value,
            _ => RESET.into(),
        };
        // However somebody writes the numbers.
        let typed = |t: &crate::tables::Tunable| match longest(t.max) {
            value if value == RESET => format!("{}={value}", t.name),
            value => format!("{}={value:0>99}", t.name),
        };
        let args = ["scx_photon".into(), "set".into()];
        let cli = cli::parse(args.into_iter().chain(TUNABLES.iter().map(typed)));
        let Some(Command::Set { assignments }) = cli.expect("good values").command else {
            panic!("it is set");
        };
        let expected = TUNABLES.iter().map(|t| (t.name.into(), longest(t.max)));
        assert_eq!(assignments, expected.collect::<Vec<(String, String)>>());
        let request = serde_json::to_string(&StatsRequest::new("set", assignments));
        let line = request.expect("serializes") + "\n";
        assert!(line.len() <= REQUEST_MAX, "{}: {line}", line.len());
    }
}
