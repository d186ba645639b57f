// SPDX-License-Identifier: GPL-2.0-only
//! Every command of the README that starts with `scx_photon`, as it stands there, on a machine where the package is
//! installed and runs; and for each of the others, which test has it.

use crate::documents::commands;
use crate::scenario::{Ctx, Fail};
use std::process::{Command, Stdio};

enum Way {
    /// Ends by itself with this exit code, and prints this.
    Ends(i32, &'static str),
    /// Goes on until somebody has seen enough: Ctrl-C after three seconds. Ends with 0.
    Stopped(&'static str),
    /// Wants a terminal: gets one, and a `q`.
    Screen,
    /// Run there instead.
    In(&'static str),
}
use Way::{Ends, In, Screen, Stopped};

/// A daemon runs, so a second one is refused with 6.
const LIST: &[(&str, Way)] = &[
    ("scx_photon --help", Ends(0, "--slice-us")),
    ("scx_photon --help-stats", Ends(0, "wakeups")),
    ("scx_photon --clear-latch", Ends(0, "scx_photon ")),
    ("scx_photon --stats 1", Ends(6, "")),
    ("scx_photon --monitor 1 --json", Stopped("wakeups")),
    ("scx_photon check", Ends(1, "runs already")),
    ("scx_photon", Ends(6, "")),
    ("scx_photon games", Ends(0, "")),
    ("scx_photon run -- ls", Ends(0, "")),
    ("scx_photon set", Ends(0, "slice_us=")),
    ("scx_photon set slice-us=2000", Ends(0, "=2000 us")),
    ("scx_photon status", Ends(0, "scx_photon on")),
    ("scx_photon top", Screen),
    ("scx_photon why", Ends(0, "")),
    ("scx_photon metrics", Ends(0, "# EOF")),
    ("scx_photon record FILE", Stopped("")),
    // Nobody can answer.
    ("scx_photon report", Ends(2, "is to hold:")),
    ("scx_photon bench", In("the scenario `player_bench`")),
    (
        "scx_photon bench --logs ~/mangologs",
        In("the scenario `player_bench`"),
    ),
    (
        "scx_photon compare eevdf/ photon/ --html page.html",
        In("tests/compare.rs"),
    ),
];

/// The number of commands that were run.
pub fn run(ctx: &Ctx, text: &str) -> Result<usize, Fail> {
    let mut ran = 0;
    let all = commands(text);
    for line in all.iter().filter(|c| c.starts_with("scx_photon")) {
        let way = LIST.iter().find(|(known, _)| known == line);
        let Some((_, way)) = way else {
            return Err(Fail::failed(format!(
                "the README has a new command: {line}"
            )));
        };
        match way {
            In(place) => ctx.log(format!("`{line}`: {place}")),
            _ => {
                one(line, way)?;
                ran += 1;
            }
        }
    }
    Ok(ran)
}

fn one(line: &str, way: &Way) -> Result<(), Fail> {
    let (shell, code, text) = match way {
        Ends(code, text) => (line.to_string(), *code, *text),
        Stopped(text) => (
            format!("timeout --signal=INT --preserve-status 3 {line}"),
            0,
            *text,
        ),
        Screen => (
            format!("(sleep 3; printf q) | script -qec 'stty rows 24 cols 80; {line}' /dev/null"),
            0,
            "CPU",
        ),
        In(_) => return Ok(()),
    };
    let out = Command::new("sh")
        .args(["-c", &shell])
        .current_dir("/tmp")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&out.stdout);
    if out.status.code() == Some(code) && said.contains(text) {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&out.stderr);
    Err(Fail::failed(format!(
        "`{shell}`: {}: {said} {errors}",
        out.status
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen here at once, and not first in a virtual machine.
    #[test]
    fn every_command_of_the_readme_is_known() {
        let text = include_str!("../../../../README.md");
        for line in commands(text) {
            let known = LIST.iter().any(|(known, _)| *known == line);
            assert!(known || !line.starts_with("scx_photon"), "{line}");
        }
    }
}
