// SPDX-License-Identifier: GPL-2.0-only
//! A run written by hand, with known answers.

use super::*;
use crate::burn::Window;
use crate::cell::ProcessReport;
use crate::crew::{Compositor, Ctx, ThreadOut, ThreadReport};
use crate::scenario::Scenario;
use std::sync::Arc;

const T0: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
/// Vblank of 60 Hz as the scenario rounds it.
const PERIOD: u64 = 16_666_667;
const AUDIO: u64 = 5_333_000;

fn thread(role: &str, series: &[(&str, Vec<[u64; 2]>)]) -> ThreadReport {
    let mut out = ThreadOut::default();
    for (name, marks) in series {
        out.series.insert((*name).to_string(), marks.clone());
    }
    ThreadReport {
        role: role.to_string(),
        out,
        stat: None,
    }
}

/// Six vblanks. Frame 2 is late by 4 ms, frame 4 was never made, all others take 12 ms.
fn raw() -> RawCell {
    let at = |n: u64, ms: u64| [n, T0 + n * PERIOD + ms * MS];
    let made = [0u64, 1, 2, 3, 5];
    let submit = |n: u64| if n == 2 { 20 } else { 12 };
    // Frames 0, 1 and 2 are seen at vblanks 2, 3 and 5 (frame 2 missed one), frame 3 at 6.
    let seen = [(0u64, 2u64), (1, 3), (2, 5), (3, 6)];
    let shown = seen.map(|(n, v)| [n, T0 + v * PERIOD]).to_vec();
    let marks = |f: &dyn Fn(u64) -> [u64; 2]| made.iter().map(|n| f(*n)).collect::<Vec<_>>();
    let mut input = thread("input", &[]);
    input.out.delays_ns = vec![10_000, 20_000, 30_000];
    input.out.jobs = 3;
    let mut mouse = thread("hw-mouse", &[]);
    mouse.out.jobs = 5;
    // Buffer 3 is done 1 ms after its period, buffer 7 never; the others 1 ms into theirs.
    let mixed = (0..30u64).filter(|n| *n != 7).map(|n| {
        let into = if n == 3 { AUDIO + MS } else { MS };
        [n, T0 + n * AUDIO + into]
    });
    let game = vec![
        thread(
            "game",
            &[
                ("start", marks(&|n| at(n, 1))),
                ("input", vec![[2, T0 + PERIOD]]),
            ],
        ),
        thread("submit", &[("submit", marks(&|n| at(n, submit(n))))]),
        thread("audio", &[("mixed", mixed.collect())]),
        input,
    ];
    let mut hog = thread("hog-0", &[]);
    hog.out.cpu_ns = 90 * MS;
    hog.out.max_wait_ns = 7 * MS;
    let process = |name: &str, threads| ProcessReport {
        name: name.to_string(),
        threads,
    };
    RawCell {
        ctx: context(),
        input_source: "timer",
        processes: vec![
            process("game", game),
            process("hardware", vec![mouse]),
            process("desktop", vec![thread("commit", &[("display", shown)])]),
            process("bg:hogs", vec![hog]),
        ],
        changed: Vec::new(),
    }
}

/// The circumstances of `raw`.
fn context() -> Ctx {
    Ctx {
        scenario: Arc::new(Scenario::profile("60v").unwrap()),
        seed: 1,
        cpus: 4,
        t0_ns: T0,
        window: Window {
            from_ns: T0,
            to_ns: T0 + 6 * PERIOD + 1,
            stop_ns: T0 + 10 * PERIOD,
        },
        rename: None,
        compositor: Compositor::Rr,
    }
}

fn metrics() -> Metrics {
    let raw = raw();
    evaluate(&raw, &frames_of(&raw))
}

fn close(m: &Metrics, key: &str, expected: f64) {
    let got = m.get(key).copied().unwrap_or(f64::NAN);
    assert!(
        (got - expected).abs() < 1e-3,
        "{key}: {got} is not {expected}"
    );
}

#[test]
fn frame_times_count_what_was_dropped() {
    let m = metrics();
    // Vblanks 0 to 6 are due; 0, 1, 2, 3 and 5 were made; 2 took longer than a period.
    close(&m, "frames_due", 7.0);
    close(&m, "frames_done", 5.0);
    close(&m, "frames_late", 3.0);
    close(&m, "frame_p50_ms", 12.0);
    close(&m, "frame_p99_ms", 12.0 + 8.0 * 0.96);
    close(&m, "frame_max_ms", 20.0);
    let ideal = frames_of(&raw())[2].ideal_ns as f64 / 1e6;
    close(&m, "excess_max_ms", 20.0 - ideal);
}

#[test]
fn intervals_are_of_what_was_seen() {
    let m = metrics();
    let period = PERIOD as f64 / 1e6;
    // Seen at 2, 3, 5 and 6, after two dark periods at the begin, which is no open gap yet.
    close(&m, "interval_max_ms", 2.0 * period);
    close(&m, "fps_avg", 3.0 * 1000.0 / (4.0 * period));
    close(&m, "missed_vblanks", 1.0);
    close(&m, "stutters", 0.0);
    // Game time steps one period each; the display stepped 1, 2, 1 periods.
    close(&m, "animation_error_mean_ms", period / 3.0);
}

#[test]
fn of_two_images_for_one_vblank_one_is_seen() {
    let vblanks = [2, 2, 3, 5, 6].map(|n| T0 + n * PERIOD);
    assert_eq!(seen_intervals(&raw(), &vblanks).len(), 3);
}

#[test]
fn input_and_audio() {
    let m = metrics();
    close(&m, "input_wake_p50_us", 20.0);
    close(&m, "input_wake_max_us", 30.0);
    close(&m, "input_lost", 2.0);
    // Frame 2 took up a report of vblank 1 and was submitted 20 ms after vblank 2.
    close(&m, "input_to_frame_p50_ms", PERIOD as f64 / 1e6 + 20.0);
    close(&m, "audio_xruns", 2.0);
    // Buffers 6 and 8 are two periods apart.
    close(&m, "audio_worst_gap_ms", 2.0 * AUDIO as f64 / 1e6);
}

#[test]
fn load_and_what_is_unknown() {
    let m = metrics();
    close(&m, "background_cpu_s", 0.09);
    close(&m, "background_longest_wait_ms", 7.0);
    for absent in [
        "encoder_missed",
        "game_run_delay_s",
        "game_migrations",
        "foreground_run_s",
    ] {
        assert!(!m.contains_key(absent), "{absent} is not known here");
    }
    for key in m.keys() {
        assert!(
            crate::metrics::definitions::find(key).is_some(),
            "{key} is not defined"
        );
    }
}

#[test]
fn a_display_that_stops_is_one_long_interval() {
    let mut raw = raw();
    raw.ctx.window.to_ns = T0 + 9 * PERIOD;
    let m = evaluate(&raw, &frames_of(&raw));
    close(&m, "interval_max_ms", 3.0 * PERIOD as f64 / 1e6);
    close(&m, "missed_vblanks", 3.0);
}
