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
/// MangoHud writes all at once: a file in which there is nothing yet is none of its logs.
const EMPTY: Duration = Duration::from_secs(10);
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

    /// A new one. Of the empty ones those that were told of count again when something is in them.
    fn fresh(
        &self,
        known: &BTreeSet<PathBuf>,
        told: &BTreeSet<PathBuf>,
    ) -> Result<Option<PathBuf>> {
        let counts = |file: &&PathBuf| match size(file) {
            None => false,
            Some(0) => !told.contains(*file),
            Some(_) => true,
        };
        Ok(self.files()?.difference(known).find(counts).cloned())
    }

    /// Waits for a log that was begun and ended under the scheduler that is attached now.
    pub fn next(&self) -> Result<Run> {
        let mut known = self.files()?;
        let mut told = BTreeSet::new();
        pause(SETTLE)?;
        let begin = Instant::now();
        tell("  now log the scene: start MangoHud's log, play, stop it");
        loop {
            let Some(file) = self.fresh(&known, &told)? else {
                pause(POLL)?;
                continue;
            };
            match wait_for_end(&file, QUIET, EMPTY)? {
                Seen::Whole => {}
                Seen::Gone => continue,
                Seen::Empty => {
                    let empty = EMPTY.as_secs();
                    tell(&format!(
                        "  {}: empty for {empty} s; it counts when there is something in it",
                        file.display()
                    ));
                    told.insert(file);
                    continue;
                }
            }
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

/// What has become of a new file.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Whole,
    /// Removed, or renamed: then it is another new one.
    Gone,
    Empty,
}

/// None if it is not there.
fn size(file: &Path) -> Option<u64> {
    Some(std::fs::metadata(file).ok()?.len())
}

/// Until it does not grow, or there is nothing to wait for.
fn wait_for_end(file: &Path, quiet: Duration, empty: Duration) -> Result<Seen> {
    let begin = Instant::now();
    let mut last = None;
    loop {
        match size(file) {
            None => return Ok(Seen::Gone),
            Some(0) if begin.elapsed() >= empty => return Ok(Seen::Empty),
            Some(now) if now > 0 && last == Some(now) => return Ok(Seen::Whole),
            now => last = now,
        }
        pause(quiet)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    const SHORT: Duration = Duration::from_millis(20);

    fn named(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("photon-logs-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        dir
    }

    #[test]
    fn a_log_that_never_comes_is_not_waited_for() {
        let dir = named("watch");
        let file = dir.join("a.csv");
        let seen = || wait_for_end(&file, SHORT, 5 * SHORT).expect("nobody ends it");
        assert_eq!(seen(), Seen::Gone);
        std::fs::write(&file, "").expect("writes");
        assert_eq!(seen(), Seen::Empty);
        std::fs::write(&file, "fps").expect("writes");
        assert_eq!(seen(), Seen::Whole);
        // While it is written, and waited for.
        std::fs::write(&file, "").expect("writes");
        let waits = thread::spawn({
            let file = file.clone();
            move || wait_for_end(&file, SHORT, Duration::MAX).expect("nobody ends it")
        });
        thread::sleep(2 * SHORT);
        std::fs::rename(&file, dir.join("b.csv")).expect("renames");
        assert_eq!(waits.join().expect("ends"), Seen::Gone);
        std::fs::remove_dir_all(&dir).expect("removes");
    }

    #[test]
    fn an_empty_log_that_was_told_of_hides_no_other() {
        let dir = named("fresh");
        let logs = Logs::watch(&dir).expect("a directory");
        let (a, b) = (dir.join("a.csv"), dir.join("b.csv"));
        let (known, told) = (BTreeSet::new(), BTreeSet::from([a.clone()]));
        let fresh = |told: &BTreeSet<_>| logs.fresh(&known, told).expect("reads");
        std::os::unix::fs::symlink("nowhere", dir.join("0.csv")).expect("a link");
        std::fs::write(&a, "").expect("writes");
        assert_eq!(fresh(&BTreeSet::new()), Some(a.clone()));
        assert_eq!(fresh(&told), None);
        std::fs::write(&b, "").expect("writes");
        assert_eq!(fresh(&told), Some(b));
        std::fs::write(&a, "fps").expect("writes");
        assert_eq!(fresh(&told), Some(a));
        std::fs::remove_dir_all(&dir).expect("removes");
    }
}
