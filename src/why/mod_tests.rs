// SPDX-License-Identifier: GPL-2.0-only
//! Games of one thread, quiet and in trouble.

use super::*;
use crate::explained::explains_each_name;
use crate::why::record::tests::{turn, wait};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

const MS: u64 = 1_000_000;
const PERIOD: u64 = 16 * MS;

/// A game of one thread at 62.5 Hz that works 5 ms a frame. `trouble` changes
/// the turn of a frame that is over; the next begins at the next refresh.
fn play(why: &mut Why, frames: u64, trouble: impl Fn(u64, &mut Record, &mut Why)) {
    let mut at = 1000 * MS;
    for i in 0..frames {
        let mut r = turn(1, at, at + 5 * MS, 5 * MS);
        trouble(i, &mut r, why);
        at = (r.at / PERIOD + 1) * PERIOD;
        why.see(r);
        if i % 60 == 0 {
            why.settle();
        }
    }
    why.settle();
}

impl Why {
    /// As after so many frames of long work.
    pub fn with_stutters(n: usize) -> Self {
        let ran = Cause::Ran {
            thread: "pace".into(),
            pid: 1,
            ms: 30,
        };
        let mut why = Why::new(4);
        why.stutters.resize(n, text::tests::stutter(ran));
        why
    }
}

#[test]
fn a_quiet_game_has_no_stutter() {
    let mut why = Why::new(4);
    play(&mut why, 600, |_, _, _| ());
    let report = why.report();
    assert_eq!((report.tgid, report.pacer_pid), (1, 1));
    assert!(report.frames > 300, "{}", report.frames);
    assert!((report.frame_ms.p50 - 16.0).abs() < 0.1);
    assert!((report.source_to_frame_ms.p50 - 5.0).abs() < 0.1);
    assert_eq!(report.stutters, Vec::new());
}

#[test]
fn a_missed_refresh_is_found_with_its_cause() {
    let mut why = Why::new(4);
    play(&mut why, 600, |i, r, why| {
        if i == 400 {
            why.see(wait(
                1,
                r.from + MS,
                r.from + 14 * MS,
                0,
                crate::bpf::intf::why_flags_WHY_OTHER_RT,
            ));
            r.at += 13 * MS;
        }
        if i == 500 {
            r.at += 30 * MS;
            r.used += 30 * MS;
        }
    });
    let stutters = why.report().stutters;
    assert_eq!(stutters.len(), 2, "{stutters:?}");
    assert!((stutters[0].frame_ms - 32.0).abs() < 0.1);
    let Cause::Waited { wait, .. } = &stutters[0].cause else {
        panic!("{stutters:?}");
    };
    assert_eq!((wait.us, wait.other_pid), (13_000, 99));
    assert!(
        matches!(stutters[1].cause, Cause::Ran { .. }),
        "{stutters:?}"
    );
    let text = command::show(&why.report(), true);
    assert!(text.lines().count() >= 5, "{text}");
}

#[test]
fn memory_is_bounded() {
    let mut why = Why::new(4);
    let often = |i: u64, r: &mut Record, _: &mut Why| {
        if i % 20 == 19 {
            r.at += 40 * MS;
        }
    };
    play(&mut why, 400, often);
    let (frame, stutter) = (why.frames[0], why.stutters[0].clone());
    why.frames.resize(FRAMES_MAX, frame);
    why.stutters.resize(STUTTERS_MAX, stutter);
    let before = why.seen;
    play(&mut why, 400, often);
    assert!(why.seen > before);
    assert_eq!(why.frames.len(), FRAMES_MAX);
    assert_eq!(why.stutters.len(), STUTTERS_MAX);
}

#[test]
fn what_is_shown_is_of_the_clock_of_traces() {
    let shown = |ahead: u64| {
        let mut why = Why::new(4);
        why.ahead = ahead;
        play(&mut why, 600, |i, r, _| {
            r.at += u64::from(i == 400) * 40 * MS
        });
        let report = why.report();
        (report.at_ns, report.stutters[0].at_ns)
    };
    let (at, stutter) = shown(0);
    assert!(at > stutter);
    assert_eq!(shown(300 * MS), (at - 300 * MS, stutter - 300 * MS));
    let behind = (300 * MS).wrapping_neg();
    assert_eq!(shown(behind), (at + 300 * MS, stutter + 300 * MS));
}

/// Of a program whose name the kernel cuts in the middle of its last letter.
#[test]
fn a_name_that_was_cut_is_shown() {
    let dir = std::env::temp_dir().join(format!("photon-name-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let program = dir.join("fourteen-bytesü");
    std::os::unix::fs::symlink("/bin/sh", &program).expect("a link");
    let mut command = Command::new(&program);
    command.arg0("sh").args(["-c", "echo; read line"]);
    command.stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
    // What has a word to say has its name.
    let mut said = child.stdout.take().expect("piped");
    said.read_exact(&mut [0]).expect("reads");
    let name = process_name(child.id());
    // This ends its input.
    child.wait().expect("ends");
    std::fs::remove_dir_all(&dir).expect("removes");
    assert_eq!(name, "fourteen-bytes\u{fffd}");
}

#[test]
fn every_name_in_the_json_is_explained() {
    let why = Why::with_stutters(1);
    let json = serde_json::to_value(why.report()).expect("JSON");
    explains_each_name("why", &[&json, &json["stutters"][0]]);
}
