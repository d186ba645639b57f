// SPDX-License-Identifier: GPL-2.0-only
//! Stutters in words: one line each.

use std::fmt::Write as _;

use crate::why::cause::{Asleep, Behind, Cause, Wait};
use crate::why::{Report, Stutter};

const NS_PER_SEC: f64 = 1e9;
const US_PER_MS: f64 = 1e3;

fn who(name: &str, pid: u32) -> String {
    match (name, pid) {
        ("", 0) => "nobody known".into(),
        ("", pid) => format!("task {pid}"),
        (name, pid) => format!("{name} ({pid})"),
    }
}

fn waited(behind: &Behind, wait: &Wait) -> String {
    let other = other(wait);
    let behind = match behind {
        Behind::RealTime if wait.other_pid == 0 => "behind a real-time task".into(),
        Behind::RealTime => format!("behind real-time task {other}"),
        Behind::Itself => format!("behind its own thread {other}"),
        Behind::OtherFrame => format!("behind frame thread {other}"),
        Behind::Kernel => format!("behind kernel thread {other}"),
        Behind::Pinned => format!("the only one it may use, behind {other}"),
        Behind::Budget => format!("behind {other}, its frame budget used up"),
        Behind::Scheduler if wait.other_pid == 0 => {
            "while that CPU idled; scx_photon woke it late".into()
        }
        Behind::Scheduler => format!("behind {other}, which scx_photon did not preempt"),
    };
    let ms = wait.us as f64 / US_PER_MS;
    let thread = who(&wait.thread, wait.pid);
    format!("{thread} waited {ms:.1} ms for CPU {}, {behind}", wait.cpu)
}

/// Who had the CPU.
fn other(wait: &Wait) -> String {
    let one = who(&wait.other, wait.other_pid);
    match wait.and_others {
        true => format!("{one} and others"),
        false => one,
    }
}

/// The cause, without the frame.
pub fn cause(stutter: &Stutter) -> String {
    const NOBODY: &str = "no scheduler could have helped";
    match &stutter.cause {
        Cause::Waited { behind, wait } => waited(behind, wait),
        Cause::Ran { thread, pid, .. } => format!(
            "it ran for {:.1} ms, mostly in {}; {NOBODY}",
            stutter.ran_ms,
            who(thread, *pid)
        ),
        Cause::Crowded { threads, cpus } => format!(
            "{threads} of its threads wanted the {cpus} CPUs at once, behind its own; {NOBODY}"
        ),
        Cause::Slept { why, thread, pid } => {
            let thread = who(thread, *pid);
            let slept = stutter.slept_ms;
            match why {
                Asleep::Stopped => {
                    format!("{thread} was stopped by a signal or a debugger; {NOBODY}")
                }
                Asleep::Disk => format!("{thread} slept for a disk; {NOBODY}"),
                Asleep::Driver => {
                    format!("{thread} slept in the kernel (driver, memory); {NOBODY}")
                }
                Asleep::Other => format!(
                    "it slept for {slept:.1} ms (GPU, lock, timer, network), last {thread}; {NOBODY}"
                ),
            }
        }
    }
}

/// How long before the report's end it happened, and what.
pub fn line(report_at_ns: u64, s: &Stutter) -> String {
    let ago = report_at_ns.saturating_sub(s.at_ns) as f64 / NS_PER_SEC;
    format!(
        "{ago:6.1} s ago  frame {:.1} ms (usual {:.1}): {}",
        s.frame_ms,
        s.usual_ms,
        cause(s)
    )
}

/// The lines below a stutter with `--details`.
pub fn details(s: &Stutter) -> String {
    let mut out = format!(
        "              {} ({}): source to last link {:.1} ms; ran {:.1}, waited {:.1}, slept {:.1} ms\n",
        s.process, s.tgid, s.work_ms, s.ran_ms, s.waited_ms, s.slept_ms
    );
    for wait in &s.waits {
        let when = if wait.again { "again" } else { "woken" };
        let _ = writeln!(
            out,
            "              {when}: {} waited {:.1} ms for CPU {} behind {}",
            who(&wait.thread, wait.pid),
            wait.us as f64 / US_PER_MS,
            wait.cpu,
            other(wait)
        );
    }
    out
}

/// One word a cause, to count them.
pub fn word(cause: &Cause) -> &'static str {
    match cause {
        Cause::Waited { behind, .. } => match behind {
            Behind::RealTime => "behind a real-time task",
            Behind::Itself => "behind its own threads",
            Behind::OtherFrame => "behind other frame threads",
            Behind::Kernel => "behind kernel threads",
            Behind::Pinned => "pinned to a busy CPU",
            Behind::Budget => "over its frame budget",
            Behind::Scheduler => "scx_photon itself",
        },
        Cause::Ran { .. } => "long work",
        Cause::Crowded { .. } => "more threads than CPUs",
        Cause::Slept { why, .. } => match why {
            Asleep::Stopped => "stopped",
            Asleep::Disk => "disk",
            Asleep::Driver => "driver or memory",
            Asleep::Other => "asleep",
        },
    }
}

/// The last line: how many of how many, and why.
pub fn summary(r: &Report) -> String {
    if r.tgid == 0 {
        return "no frames seen: no process is woken by timers, fences or real-time tasks at a \
                frame's pace, or nobody faces the machine"
            .into();
    }
    let mut out = format!(
        "{} ({}): {} frames in {:.0} s, {:.1} ms usual, {:.1} ms at p99; source to last link {:.1} ms; ",
        r.process,
        r.tgid,
        r.frames,
        r.seconds,
        r.frame_ms.p50,
        r.frame_ms.p99,
        r.source_to_frame_ms.p50
    );
    let _ = match r.remembered() {
        0 => write!(out, "no stutter"),
        1 => write!(out, "1 stutter"),
        n => write!(out, "{n} stutters"),
    };
    for (i, (word, n)) in r.counts().iter().enumerate() {
        let _ = write!(out, "{} {word} {n}", if i == 0 { ":" } else { "," });
    }
    out
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn stutter(cause: Cause) -> Stutter {
        Stutter {
            at_ns: 1_000_000_000,
            process: "game".into(),
            tgid: 7,
            frame_ms: 33.4,
            usual_ms: 16.7,
            work_ms: 30.0,
            ran_ms: 8.0,
            waited_ms: 15.0,
            slept_ms: 10.4,
            cause,
            waits: Vec::new(),
        }
    }

    pub fn wait() -> Wait {
        Wait {
            thread: "render".into(),
            pid: 12,
            us: 14_800,
            cpu: 2,
            other: "audio".into(),
            other_pid: 77,
            again: false,
            and_others: false,
        }
    }

    #[test]
    fn a_stutter_is_one_line_that_names_names() {
        let s = stutter(Cause::Waited {
            behind: Behind::RealTime,
            wait: wait(),
        });
        assert_eq!(
            line(3_500_000_000, &s),
            "   2.5 s ago  frame 33.4 ms (usual 16.7): render (12) waited 14.8 ms for CPU 2, \
             behind real-time task audio (77)"
        );
    }

    #[test]
    fn one_of_several_is_not_blamed_for_all() {
        let mut wait = wait();
        wait.and_others = true;
        let s = stutter(Cause::Waited {
            behind: Behind::Itself,
            wait,
        });
        let line = line(1_000_000_000, &s);
        assert!(
            line.ends_with("behind its own thread audio (77) and others"),
            "{line}"
        );
    }

    #[test]
    fn what_no_scheduler_could_help_says_so() {
        let slept = Cause::Slept {
            why: Asleep::Other,
            thread: "render".into(),
            pid: 12,
        };
        assert!(cause(&stutter(slept)).ends_with("no scheduler could have helped"));
        let own = Cause::Waited {
            behind: Behind::Scheduler,
            wait: wait(),
        };
        assert!(cause(&stutter(own)).contains("scx_photon did not preempt"));
    }

    #[test]
    fn the_summary_counts_causes() {
        let mut r = Report {
            tgid: 7,
            process: "game".into(),
            ..Report::default()
        };
        assert!(summary(&r).ends_with("; no stutter"), "{}", summary(&r));
        let ran = || Cause::Ran {
            thread: "pace".into(),
            pid: 7,
            ms: 30,
        };
        r.stutters = vec![stutter(ran()), stutter(ran())];
        assert!(
            summary(&r).ends_with("2 stutters: long work 2"),
            "{}",
            summary(&r)
        );
        assert!(summary(&Report::default()).starts_with("no frames seen"));
    }
}
