// SPDX-License-Identifier: GPL-2.0-only
//! The metrics of one run, from what its threads noticed.

use super::{frames, groups};
use crate::cell::RawCell;
use crate::model::ideal;
use crate::quantile::{mean, quantile, sorted};
use crate::scenario::Pace;
use serde::Serialize;
use std::collections::BTreeMap;

const NS_PER_MS: f64 = 1e6;
const NS_PER_US: f64 = 1e3;
/// A gap that is open at an end of the window counts from this many periods on.
const OPEN_GAP_PERIODS: f64 = 2.0;

/// The life of a frame; what did not happen is absent. Times of the monotonic clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Frame {
    pub number: u64,
    /// When it was due to start.
    pub vsync_ns: u64,
    pub start_ns: Option<u64>,
    pub game_end_ns: Option<u64>,
    pub render_start_ns: Option<u64>,
    pub render_end_ns: Option<u64>,
    pub submit_ns: Option<u64>,
    pub present_ns: Option<u64>,
    pub display_ns: Option<u64>,
    /// Oldest input report it took up.
    pub input_ns: Option<u64>,
    /// What its draws take on a machine with a CPU for every thread.
    pub ideal_ns: u64,
}

/// Metrics by key; see [`super::definitions`].
pub type Metrics = BTreeMap<&'static str, f64>;

/// The frames due in the window, in order, dropped ones included.
pub fn frames_of(raw: &RawCell) -> Vec<Frame> {
    let (ctx, window) = (&raw.ctx, raw.ctx.window);
    let mut frames = BTreeMap::<u64, Frame>::new();
    let mut add = |number, vsync_ns| {
        if window.contains(vsync_ns) {
            let ideal_ns = ideal::frame_ns(&ctx.scenario, ctx.seed, number);
            frames.insert(
                number,
                Frame {
                    number,
                    vsync_ns,
                    ideal_ns,
                    ..Frame::default()
                },
            );
        }
    };
    if ctx.scenario.display.pace == Pace::Free {
        raw.series("game", "vsync")
            .iter()
            .for_each(|m| add(m[0], m[1]));
    } else {
        let period = ctx.scenario.display.period_ns();
        let first = (window.from_ns - ctx.t0_ns).div_ceil(period);
        let due = (first..).map(|n| (n, ctx.vblank_ns(n)));
        due.take_while(|(_, t)| *t < window.to_ns)
            .for_each(|(n, t)| add(n, t));
    }
    let mut fill = |role: &str, series: &str, set: fn(&mut Frame, u64)| {
        for [number, time] in raw.series(role, series) {
            if let Some(frame) = frames.get_mut(number) {
                set(frame, *time);
            }
        }
    };
    fill("game", "start", |f, t| f.start_ns = Some(t));
    fill("game", "input", |f, t| f.input_ns = Some(t));
    fill("game", "game_end", |f, t| f.game_end_ns = Some(t));
    fill("render", "render_start", |f, t| f.render_start_ns = Some(t));
    fill("render", "render_end", |f, t| f.render_end_ns = Some(t));
    fill("submit", "submit", |f, t| f.submit_ns = Some(t));
    fill("fence", "present", |f, t| f.present_ns = Some(t));
    fill("commit", "display", |f, t| f.display_ns = Some(t));
    frames.into_values().collect()
}

/// A set of metrics under construction: absent values stay out.
#[derive(Default)]
struct Set(Metrics);

impl Set {
    fn put(&mut self, key: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.0.insert(key, value);
        }
    }

    /// Quantiles of `values` under the given keys.
    fn quantiles(&mut self, values: Vec<f64>, keys: &[(&'static str, f64)]) {
        let values = sorted(values);
        for (key, q) in keys {
            self.put(key, quantile(&values, *q));
        }
    }
}

/// All metrics of a run.
pub fn evaluate(raw: &RawCell, frames: &[Frame]) -> Metrics {
    let mut set = Set::default();
    frame_times(raw, frames, &mut set);
    intervals(raw, frames, &mut set);
    input(raw, frames, &mut set);
    audio(raw, &mut set);
    load(raw, &mut set);
    set.0
}

fn ms(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / NS_PER_MS
}

fn frame_times(raw: &RawCell, frames: &[Frame], set: &mut Set) {
    let done: Vec<(f64, f64)> = frames
        .iter()
        .filter_map(|f| {
            let time = ms(f.vsync_ns, f.submit_ns?);
            Some((time, time - f.ideal_ns as f64 / NS_PER_MS))
        })
        .collect();
    let (times, excess) = done.iter().copied().unzip();
    set.quantiles(
        times,
        &[
            ("frame_p50_ms", 0.5),
            ("frame_p99_ms", 0.99),
            ("frame_p999_ms", 0.999),
            ("frame_max_ms", 1.0),
        ],
    );
    set.quantiles(
        excess,
        &[
            ("excess_p50_ms", 0.5),
            ("excess_p99_ms", 0.99),
            ("excess_max_ms", 1.0),
        ],
    );
    set.put("frames_due", Some(frames.len() as f64));
    set.put("frames_done", Some(done.len() as f64));
    let display = &raw.ctx.scenario.display;
    if display.pace != Pace::Free {
        let period = display.period_ns() as f64 / NS_PER_MS;
        let in_time = done.iter().filter(|(time, _)| *time <= period).count();
        set.put("frames_late", Some((frames.len() - in_time) as f64));
    }
}

/// Time from one new image to the next. An image that never came is seen as a long interval.
fn seen_intervals(raw: &RawCell, seen_ns: &[u64]) -> Vec<f64> {
    let window = raw.ctx.window;
    let period = raw.ctx.scenario.display.period_ns() as f64 / NS_PER_MS;
    let mut seen: Vec<u64> = seen_ns
        .iter()
        .copied()
        .filter(|t| window.contains(*t))
        .collect();
    // Of two images for one vblank the first was never seen.
    seen.dedup();
    let mut intervals: Vec<f64> = seen.windows(2).map(|w| ms(w[0], w[1])).collect();
    let first = seen.first().copied().unwrap_or(window.to_ns);
    let last = seen.last().copied().unwrap_or(window.to_ns);
    for open in [ms(window.from_ns, first), ms(last, window.to_ns)] {
        if open > OPEN_GAP_PERIODS * period {
            intervals.push(open);
        }
    }
    intervals
}

/// Milliseconds from each new image to the next, as a person in front of the screen sees them.
pub fn seen_of(raw: &RawCell) -> Vec<f64> {
    let free = raw.ctx.scenario.display.pace == Pace::Free;
    // Frames of before the window may be seen in it, so the series and not the frames count.
    let series = match free {
        true => raw.series("fence", "present"),
        false => raw.series("commit", "display"),
    };
    let seen_ns: Vec<u64> = series.iter().map(|m| m[1]).collect();
    seen_intervals(raw, &seen_ns)
}

fn intervals(raw: &RawCell, frames: &[Frame], set: &mut Set) {
    let free = raw.ctx.scenario.display.pace == Pace::Free;
    let seen = |f: &Frame| if free { f.present_ns } else { f.display_ns };
    let list = seen_of(raw);
    set.0.extend(frames::of_intervals(&list));
    if !free {
        let period = raw.ctx.scenario.display.period_ns() as f64 / NS_PER_MS;
        let missed = frames::missed_vblanks(&list, period);
        set.put("missed_vblanks", Some(missed as f64));
    }
    let pairs: Vec<(f64, f64)> = frames
        .iter()
        .filter_map(|f| Some((f.start_ns? as f64 / NS_PER_MS, seen(f)? as f64 / NS_PER_MS)))
        .collect();
    let errors = frames::animation_errors(&pairs);
    set.put("animation_error_mean_ms", mean(&errors));
    set.quantiles(errors, &[("animation_error_p99_ms", 0.99)]);
}

fn input(raw: &RawCell, frames: &[Frame], set: &mut Set) {
    let to_frame = frames
        .iter()
        .filter_map(|f| Some(ms(f.input_ns?, f.submit_ns?)))
        .collect();
    set.quantiles(
        to_frame,
        &[
            ("input_to_frame_p50_ms", 0.5),
            ("input_to_frame_p99_ms", 0.99),
        ],
    );
    let thread = |role: &str| {
        raw.threads()
            .find(|(_, t)| t.role == role)
            .map(|(_, t)| &t.out)
    };
    let Some(reader) = thread("input") else {
        return;
    };
    let delays = reader.delays_ns.iter().map(|ns| *ns as f64 / NS_PER_US);
    set.quantiles(
        delays.collect(),
        &[
            ("input_wake_p50_us", 0.5),
            ("input_wake_p99_us", 0.99),
            ("input_wake_p999_us", 0.999),
            ("input_wake_max_us", 1.0),
        ],
    );
    if let Some(mouse) = thread("hw-mouse") {
        // Reports under way at the ends of the window are not lost.
        let lost = mouse.jobs.saturating_sub(reader.jobs) as f64;
        set.put("input_lost", Some(lost));
    }
}

fn audio(raw: &RawCell, set: &mut Set) {
    let (ctx, window) = (&raw.ctx, raw.ctx.window);
    let period = crate::roles::audio::period_ns(ctx);
    let done: BTreeMap<u64, u64> = raw
        .series("audio", "mixed")
        .iter()
        .map(|m| (m[0], m[1]))
        .collect();
    let first = (window.from_ns - ctx.t0_ns).div_ceil(period);
    let last = (window.to_ns - ctx.t0_ns) / period;
    // The mix of period n is due when period n + 1 begins.
    let in_time = |n: &u64| {
        done.get(n)
            .is_some_and(|t| *t <= ctx.t0_ns + (n + 1) * period)
    };
    let xruns = (first..last).filter(|n| !in_time(n)).count();
    set.put("audio_xruns", Some(xruns as f64));
    let times: Vec<u64> = done.into_values().filter(|t| window.contains(*t)).collect();
    let gaps = times.windows(2).map(|w| ms(w[0], w[1]));
    set.put("audio_worst_gap_ms", gaps.reduce(f64::max));
    if let Some((_, mixer)) = raw.threads().find(|(_, t)| t.role == "audio") {
        let delays = mixer.out.delays_ns.iter().map(|ns| *ns as f64 / NS_PER_US);
        set.quantiles(delays.collect(), &[("audio_wake_p99_us", 0.99)]);
    }
}

fn load(raw: &RawCell, set: &mut Set) {
    let classes = groups::classes(raw);
    if !classes.is_empty() {
        set.put(
            "background_cpu_s",
            Some(classes.values().map(|c| c.cpu_s).sum()),
        );
        let wait = classes.values().map(|c| c.longest_wait_ms).reduce(f64::max);
        set.put("background_longest_wait_ms", wait);
    }
    let encoder = classes.get("encoder").map(|c| c.missed as f64);
    set.put("encoder_missed", encoder);
    let game: Vec<_> = raw
        .threads()
        .filter(|(p, _)| *p == "game")
        .map(|(_, t)| t)
        .collect();
    let cpu: u64 = game.iter().map(|t| t.out.cpu_ns).sum();
    set.put("game_cpu_s", Some(cpu as f64 / NS_PER_MS / 1000.0));
    let foreground = raw
        .threads()
        .filter(|(p, _)| !p.starts_with(groups::BACKGROUND));
    let run: Option<u64> = foreground.map(|(_, t)| t.stat.map(|s| s.run_ns)).sum();
    set.put(
        "foreground_run_s",
        run.map(|ns| ns as f64 / NS_PER_MS / 1000.0),
    );
    let stats: Option<Vec<_>> = game.iter().map(|t| t.stat).collect();
    let Some(stats) = stats else { return };
    let delay: u64 = stats.iter().map(|s| s.delay_ns).sum();
    set.put("game_run_delay_s", Some(delay as f64 / NS_PER_MS / 1000.0));
    let migrations: Option<u64> = stats.iter().map(|s| s.migrations).sum();
    set.put("game_migrations", migrations.map(|n| n as f64));
    let switches: u64 = stats.iter().map(|s| s.voluntary + s.involuntary).sum();
    set.put("game_switches", Some(switches as f64));
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
