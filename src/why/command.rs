// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon why`: asks the daemon and prints.

use std::fmt::Write as _;

use anyhow::Result;

use crate::client::Client;
use crate::say;
use crate::shutdown::end_with_the_reader;
use crate::why::{Report, text};

/// The lines, newest stutter last.
pub fn show(report: &Report, details: bool) -> String {
    let mut out = String::new();
    for stutter in &report.stutters {
        let _ = writeln!(out, "{}", text::line(report.at_ns, stutter));
        if details {
            out.push_str(&text::details(stutter));
        }
    }
    let _ = writeln!(out, "{}", text::summary(report));
    out
}

pub fn run(details: bool, as_json: bool) -> Result<()> {
    let report: Report = Client::connect()?.ask("why")?;
    end_with_the_reader();
    if as_json {
        say::line(serde_json::to_string(&report)?)?;
    } else {
        say::text(show(&report, details))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::why::cause::Cause;
    use crate::why::text::tests::stutter;

    #[test]
    fn details_are_below_each_stutter() {
        let report = Report {
            stutters: vec![stutter(Cause::Crowded {
                threads: 9,
                cpus: 4,
            })],
            ..Report::default()
        };
        let (short, long) = (show(&report, false), show(&report, true));
        assert_eq!(short.lines().count(), 2, "{short}");
        assert_eq!(long.lines().count(), 3, "{long}");
        assert!(long.contains("source to last link") && !short.contains("source to last link"));
    }
}
