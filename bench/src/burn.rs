// SPDX-License-Identifier: GPL-2.0-only
//! The one and only busy loop. Work is an amount of *thread CPU time*, never a count of
//! instructions, and every few hundred iterations there is a `PAUSE`: an emulator with virtual
//! time changes to the next virtual CPU there, so that all of them advance together. A single
//! loop without it starves the others by a factor of sixty, which is why no other file may spin
//! (the test at the end looks for that).

use crate::sys::clock;

/// Tight iterations between two pauses: about 1,800 instructions, 2 us of virtual time at one
/// instruction a nanosecond. Fewer and the pause dominates, more and the virtual CPUs drift apart.
const ITERATIONS_PER_PAUSE: u64 = 300;

/// The part of a run that counts, and its end, in nanoseconds of the monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    pub from_ns: u64,
    pub to_ns: u64,
    /// Everything stops here: later than `to_ns`, so that what began in the window can end.
    pub stop_ns: u64,
}

impl Window {
    pub fn contains(&self, now_ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&now_ns)
    }

    pub fn over(&self, now_ns: u64) -> bool {
        now_ns >= self.stop_ns
    }
}

/// One pause quantum. Never inlined, so that every caller executes the same instructions.
#[inline(never)]
fn quantum() {
    let mut x = 1u64;
    for i in 0..ITERATIONS_PER_PAUSE {
        x = std::hint::black_box(x.rotate_left(5) ^ i);
    }
    std::hint::spin_loop();
}

/// Burns CPU time for one thread and keeps what it noticed doing so.
#[derive(Debug)]
pub struct Burner {
    window: Window,
    /// Overshoot of earlier calls, taken off later ones: many short jobs cost what they should.
    debt_ns: u64,
    /// CPU time burnt inside the window.
    pub cpu_ns: u64,
    /// Longest time this thread wanted to run and did not.
    pub max_gap_ns: u64,
}

impl Burner {
    pub fn new(window: Window) -> Self {
        Self {
            window,
            debt_ns: 0,
            cpu_ns: 0,
            max_gap_ns: 0,
        }
    }

    /// Burn `ns` of this thread's CPU time, or less when the run ends before that.
    /// Returns the CPU time really burnt.
    pub fn burn(&mut self, ns: u64) -> u64 {
        if self.debt_ns >= ns {
            self.debt_ns -= ns;
            return 0;
        }
        let target = ns - self.debt_ns;
        self.debt_ns = 0;
        let first_cpu = clock::thread_cpu_ns();
        let mut cpu = first_cpu;
        let mut wall = clock::mono_ns();
        loop {
            quantum();
            let (cpu_now, wall_now) = (clock::thread_cpu_ns(), clock::mono_ns());
            self.note(wall_now, wall_now - wall, cpu_now - cpu);
            (cpu, wall) = (cpu_now, wall_now);
            let done = cpu - first_cpu;
            if done >= target {
                self.debt_ns = done - target;
                return done;
            }
            if self.window.over(wall) {
                return done;
            }
        }
    }

    /// Burn until the run ends.
    pub fn burn_to_end(&mut self) {
        self.burn(u64::MAX);
    }

    fn note(&mut self, now_ns: u64, wall_ns: u64, cpu_ns: u64) {
        if self.window.contains(now_ns) {
            self.cpu_ns += cpu_ns;
        }
        self.waited(now_ns, wall_ns.saturating_sub(cpu_ns));
    }

    /// The thread runs at `now_ns` after it wanted to for `wait_ns`. Only the part inside the
    /// window counts, and it counts even when the thread runs again only after the window.
    pub fn waited(&mut self, now_ns: u64, wait_ns: u64) {
        let from = now_ns.saturating_sub(wait_ns).max(self.window.from_ns);
        let inside = now_ns.min(self.window.to_ns).saturating_sub(from);
        self.max_gap_ns = self.max_gap_ns.max(inside);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    fn open_window() -> Window {
        Window {
            from_ns: 0,
            to_ns: u64::MAX,
            stop_ns: u64::MAX,
        }
    }

    #[test]
    fn burns_what_was_asked_for() {
        let mut burner = Burner::new(open_window());
        let before = clock::thread_cpu_ns();
        for _ in 0..200 {
            burner.burn(100_000);
        }
        let used = clock::thread_cpu_ns() - before;
        assert!((19_900_000..24_000_000).contains(&used), "used {used} ns");
    }

    #[test]
    fn stops_at_the_end() {
        let now = clock::mono_ns();
        let mut burner = Burner::new(Window {
            from_ns: now,
            to_ns: now + 5_000_000,
            stop_ns: now + 5_000_000,
        });
        burner.burn_to_end();
        assert!(clock::mono_ns() >= now + 5_000_000);
        assert!(burner.cpu_ns <= 5_100_000);
    }

    #[test]
    fn waits_are_cut_to_the_window() {
        let wait = |now, wait| {
            let mut burner = Burner::new(Window {
                from_ns: 100,
                to_ns: 200,
                stop_ns: 300,
            });
            burner.waited(now, wait);
            burner.max_gap_ns
        };
        assert_eq!(wait(150, 20), 20);
        assert_eq!(wait(150, 80), 50);
        assert_eq!(wait(250, 80), 30);
        assert_eq!(wait(280, 250), 100);
        assert_eq!(wait(90, 50), 0);
        assert_eq!(wait(290, 50), 0);
    }

    fn sources(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }

    /// Rule 3 of the method: one busy loop, here. Spin hints, and loops whose body is empty or
    /// only yields or reads a clock, are the shapes a second one would have.
    #[test]
    fn no_other_busy_loop() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        sources(&root, &mut files);
        assert!(files.len() > 5);
        for file in files.iter().filter(|f| !f.ends_with("src/burn.rs")) {
            let source = std::fs::read_to_string(file).unwrap();
            let text: String = source.split_whitespace().collect();
            for shape in [
                "spin_loop",
                "_mm_pause",
                "yield_now",
                "sched_yield",
                "loop{}",
            ] {
                assert!(
                    !text.contains(shape),
                    "{}: busy loop '{shape}'",
                    file.display()
                );
            }
            let empty =
                |l: &str| l.trim_start().starts_with("while") && l.trim_end().ends_with("{}");
            assert!(
                !source.lines().any(empty),
                "{}: empty while",
                file.display()
            );
        }
    }
}
