// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon compare`: did it help *your* game? Logs in, figures with intervals and a sentence out.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use photon_bench::sides::{self, HEADLINE, OF_TIMES, Pairing, Side, page, text};

use crate::failure::Failure;
use crate::say;

/// A help text, and what `text::json` has.
macro_rules! with_json_names {
    ($help:literal) => {
        concat!(
            $help,
            "

With --json: schema; a and b, each with name and runs (source, frames, about, metrics
by key); rows, each with key, name, unit, a and b (means over the runs), difference
(b minus a: estimate, low, high, n) and finding; notes; verdict."
        )
    };
}
pub(crate) use with_json_names;

#[derive(Debug, clap::Args)]
#[command(after_help = with_json_names!("\
Examples:
  scx_photon compare eevdf/ photon/             two directories of MangoHud logs
  scx_photon compare --a old*.csv --b new*.csv  any number of logs a side

Record every frame (MangoHud: log_interval=0), the same scene, three runs a side or
more, in turns. Exits with 9 if a log is malformed, cut off, empty or sampled."))]
pub struct Args {
    /// The two sides: a log or a directory of logs each
    #[arg(value_names = ["A", "B"], num_args = 2, required_unless_present_all = ["a", "b"], conflicts_with_all = ["a", "b"])]
    sides: Vec<PathBuf>,
    /// Logs of the first side, the baseline
    #[arg(long, value_name = "LOG", num_args = 1.., requires = "b")]
    a: Vec<PathBuf>,
    /// Logs of the second side
    #[arg(long, value_name = "LOG", num_args = 1.., requires = "a")]
    b: Vec<PathBuf>,
    /// What to call the sides
    #[arg(long, value_names = ["A", "B"], num_args = 2)]
    names: Vec<String>,
    /// The figure the verdict is about; choose before you look
    #[arg(long, value_name = "KEY", default_value = HEADLINE, value_parser = PossibleValuesParser::new(OF_TIMES.iter().map(|s| s.0)))]
    metric: String,
    /// Also write a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Args {
    /// Names and logs of the two sides.
    fn both(&self) -> [(String, &[PathBuf]); 2] {
        let (a, b) = match self.sides.as_slice() {
            [a, b] => (std::slice::from_ref(a), std::slice::from_ref(b)),
            _ => (self.a.as_slice(), self.b.as_slice()),
        };
        let [mut name_a, mut name_b] = [(a, "A"), (b, "B")].map(|(paths, or)| name(paths, or));
        if name_a == name_b {
            (name_a, name_b) = ("A".into(), "B".into());
        }
        if let [a, b] = self.names.as_slice() {
            (name_a, name_b) = (a.clone(), b.clone());
        }
        [(name_a, a), (name_b, b)]
    }
}

/// That of a directory of logs; a file's name says too much.
fn name(paths: &[PathBuf], or: &str) -> String {
    let directory = match paths {
        [one] if one.is_dir() => one.file_name(),
        _ => None,
    };
    directory.map_or(or.to_string(), |n| n.to_string_lossy().into_owned())
}

pub fn run(args: &Args, as_json: bool) -> Result<()> {
    let [a, b] = args.both();
    let read = |(name, paths): (String, &[PathBuf])| {
        Side::read(&name, paths).map_err(|e| Failure::Log(e.to_string()))
    };
    let (a, b) = (read(a)?, read(b)?);
    let rows = sides::compare(&a, &b, Pairing::None);
    let verdict = sides::verdict(&rows, &args.metric, &a, &b);
    if let Some(file) = &args.html {
        let html = page::render(&rows, &a, &b, &verdict, &[]);
        std::fs::write(file, html).with_context(|| format!("writing {}", file.display()))?;
    }
    if as_json {
        say::line(text::json(&rows, &a, &b, &verdict))?;
    } else {
        say::text(text::table(&rows, &a, &b, &verdict))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explained::explains_each_name;

    #[test]
    fn each_name_of_the_json_is_explained() {
        let logs = concat!(env!("CARGO_MANIFEST_DIR"), "/bench/tests/logs/good");
        let side = Side::read("a side", &[logs.into()]).expect("good logs");
        let rows = sides::compare(&side, &side, Pairing::None);
        let verdict = sides::verdict(&rows, HEADLINE, &side, &side);
        let json = text::json(&rows, &side, &side, &verdict);
        let row = &json["rows"][0];
        let parts = [
            &json,
            &json["a"],
            &json["a"]["runs"][0],
            row,
            &row["difference"],
        ];
        for command in ["compare", "bench"] {
            explains_each_name(command, &parts);
        }
    }
}
