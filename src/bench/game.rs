// SPDX-License-Identifier: GPL-2.0-only
//! A run of the player's own game: the next log that MangoHud writes. It writes a log at once, when logging stops.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use photon_bench::logs::{self, Run, SUMMARY_ENDING};
use photon_bench::sys::signal::stop_requested;

use super::tell;
use crate::failure::Failure;

/// Until queues are as they will be; also the time to get back to the game.
const SETTLE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(200);
/// A file that has not grown for this long is whole.
const QUIET: Duration = Duration::from_secs(1);
const MS_PER_S: f64 = 1000.0;

pub struct Logs {
    dir: PathBuf,
}

impl Logs {
    pub fn watch(dir: &Path) -> Result<Logs> {
        std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
        Ok(Logs {
            dir: dir.to_path_buf(),
        })
    }

    fn files(&self) -> Result<BTreeSet<PathBuf>> {
        let entries =
            std::fs::read_dir(&self.dir).with_context(|| self.dir.display().to_string())?;
        let is_log = |p: &PathBuf| {
            let name = p.to_string_lossy();
            name.ends_with(".csv") && !name.ends_with(SUMMARY_ENDING)
        };
        Ok(entries.flatten().map(|e| e.path()).filter(is_log).collect())
    }

    /// Waits for a log that was begun and ended under the scheduler that is attached now.
    pub fn next(&self) -> Result<Run> {
        let mut known = self.files()?;
        pause(SETTLE)?;
        let begin = Instant::now();
        tell("  now log the scene: start MangoHud's log, play, stop it");
        loop {
            let Some(file) = self.files()?.difference(&known).next().cloned() else {
                pause(POLL)?;
                continue;
            };
            wait_until_whole(&file)?;
            known.insert(file.clone());
            let runs = logs::read(&file).map_err(|e| Failure::Log(e.to_string()))?;
            let Some(run) = runs.into_iter().next() else {
                continue;
            };
            let seconds = run.times.iter().sum::<f64>() / MS_PER_S;
            if seconds > begin.elapsed().as_secs_f64() {
                tell(&format!(
                    "  {}: begun before the change of the scheduler, not counted; once more",
                    run.source
                ));
                continue;
            }
            tell(&format!(
                "  {}: {} frames in {seconds:.1} s",
                run.source,
                run.times.len()
            ));
            return Ok(run);
        }
    }
}

fn wait_until_whole(file: &Path) -> Result<()> {
    let size = || std::fs::metadata(file).map_or(0, |m| m.len());
    let mut last = size();
    loop {
        pause(QUIET)?;
        let now = size();
        if now == last && now > 0 {
            return Ok(());
        }
        last = now;
    }
}

/// Ends early, and with an error, when somebody wants the program to end.
fn pause(time: Duration) -> Result<()> {
    let begin = Instant::now();
    while begin.elapsed() < time {
        if stop_requested() {
            bail!("interrupted");
        }
        std::thread::sleep(POLL.min(time));
    }
    Ok(())
}
