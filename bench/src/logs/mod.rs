// SPDX-License-Identifier: GPL-2.0-only
//! A player's own logs: what MangoHud, PresentMon and CapFrameX write, as lists of frame times.
//! A log that cannot be trusted is refused with its file and line, never repaired by guessing.

mod capframex;
mod columns;
mod mangohud;
mod presentmon;

use crate::metrics::cell::Metrics;
use crate::metrics::frames::of_intervals;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// An hour at 1,000 fps with every sensor logged is a third of this.
const LARGEST_BYTES: u64 = 1 << 30;
/// MangoHud writes one beside each log.
pub const SUMMARY_ENDING: &str = "_summary.csv";
const BYTE_ORDER_MARK: char = '\u{feff}';

/// One recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// The file, and which of its runs if there are several.
    pub source: String,
    /// Milliseconds from each frame to the next.
    pub times: Vec<f64>,
    /// More than the times tell: of the game in a box.
    pub figures: Metrics,
    /// The machine and the game as the log names them.
    pub about: BTreeMap<String, String>,
    /// What a reader of the figures should know.
    pub notes: Vec<String>,
}

impl Run {
    /// Everything that is known of it by the keys of the metrics; what it brings along goes before what its times tell.
    pub fn metrics(&self) -> Metrics {
        let mut all = of_intervals(&self.times);
        all.extend(&self.figures);
        all
    }
}

/// Why a text is no log; the line if there is one to name.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    line: Option<usize>,
    what: String,
}

impl Fault {
    fn at(line: usize, what: impl Into<String>) -> Fault {
        Fault {
            line: Some(line),
            what: what.into(),
        }
    }

    fn whole(what: impl Into<String>) -> Fault {
        Fault {
            line: None,
            what: what.into(),
        }
    }
}

/// `FILE:LINE: what is wrong`, one line.
#[derive(Debug)]
pub struct LogError {
    pub file: PathBuf,
    pub line: Option<usize>,
    pub what: String,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.what),
            None => write!(f, "{}: {}", self.file.display(), self.what),
        }
    }
}

impl std::error::Error for LogError {}

/// All runs of a log, or of every log in a directory.
pub fn read(path: &Path) -> Result<Vec<Run>, LogError> {
    let mut runs = Vec::new();
    for file in files(path)? {
        let fault = |f: Fault| LogError {
            file: file.clone(),
            line: f.line,
            what: f.what,
        };
        let text = text_of(&file).map_err(fault)?;
        let found = parse(&text).map_err(fault)?;
        let several = found.len() > 1;
        let name = file
            .file_name()
            .map_or(String::new(), |n| n.to_string_lossy().into_owned());
        for (mut run, number) in found.into_iter().zip(1..) {
            run.source = match several {
                true => format!("{name} run {number}"),
                false => name.clone(),
            };
            runs.push(run);
        }
    }
    Ok(runs)
}

/// The file itself, or the logs of a directory by name.
fn files(path: &Path) -> Result<Vec<PathBuf>, LogError> {
    let error = |what: String| LogError {
        file: path.to_path_buf(),
        line: None,
        what,
    };
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let entries = std::fs::read_dir(path).map_err(|e| error(e.to_string()))?;
    let is_log = |p: &PathBuf| {
        let name = p.to_string_lossy();
        let ending = name.ends_with(".csv") || name.ends_with(".json");
        ending && !name.ends_with(SUMMARY_ENDING) && p.is_file()
    };
    let mut logs: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(is_log).collect();
    if logs.is_empty() {
        return Err(error("no .csv or .json log in this directory".into()));
    }
    logs.sort();
    Ok(logs)
}

fn text_of(file: &Path) -> Result<String, Fault> {
    let cannot = |e: std::io::Error| Fault::whole(e.to_string());
    let meta = std::fs::metadata(file).map_err(cannot)?;
    if !meta.is_file() {
        return Err(Fault::whole("not a file"));
    }
    if meta.len() > LARGEST_BYTES {
        return Err(Fault::whole("larger than 1 GiB: not a log of frames"));
    }
    let bytes = std::fs::read(file).map_err(cannot)?;
    decode(&bytes)
}

fn decode(bytes: &[u8]) -> Result<String, Fault> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.trim_start_matches(BYTE_ORDER_MARK).to_string()),
        Err(e) => {
            let newlines = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n');
            Err(Fault::at(newlines.count() + 1, "not text in UTF-8"))
        }
    }
}

/// By what the text begins with, whatever the file is called.
fn parse(text: &str) -> Result<Vec<Run>, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::whole("empty"));
    }
    let runs = if text.trim_start().starts_with('{') {
        capframex::parse(text)?
    } else if presentmon::begins(text) {
        vec![presentmon::parse(text)?]
    } else if mangohud::begins(text) {
        vec![mangohud::parse(text)?]
    } else if text.contains("1% Min FPS") {
        return Err(Fault::at(
            1,
            "MangoHud's summary, which has no frames; give the log beside it",
        ));
    } else {
        return Err(Fault::at(
            1,
            "no log of MangoHud, PresentMon or CapFrameX begins like this",
        ));
    };
    match runs.iter().all(|r| r.times.iter().sum::<f64>() > 0.0) {
        true => Ok(runs),
        false => Err(Fault::whole("no frames, or none that takes any time")),
    }
}

#[cfg(test)]
mod tests;
