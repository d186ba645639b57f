// SPDX-License-Identifier: GPL-2.0-only
//! The one list of metrics: key, unit, direction, meaning and where the definition is from.
//! A report contains exactly these keys, or fewer where a figure does not exist.

use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
    /// Context for the others, not a merit.
    Neither,
}

#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub key: &'static str,
    pub unit: &'static str,
    pub better: Better,
    pub about: &'static str,
    pub source: &'static str,
}

const OWN: &str = "this bench";

macro_rules! metrics {
    ($($key:literal $unit:literal $better:ident $about:literal $source:expr;)*) => {
        /// Every metric of a run.
        pub const METRICS: &[Metric] = &[$(Metric {
            key: $key, unit: $unit, better: Better::$better, about: $about, source: $source,
        }),*];
    };
}

metrics! {
    "frame_p50_ms" "ms" Lower "frame time: vsync the frame belongs to, to the end of its submit (uncapped: from its start); median of the frames that were submitted" OWN;
    "frame_p99_ms" "ms" Lower "the same, 99th percentile" OWN;
    "frame_p999_ms" "ms" Lower "the same, 99.9th percentile; below 1,000 frames it leans on a single one" OWN;
    "frame_max_ms" "ms" Lower "the same, longest" OWN;
    "excess_p50_ms" "ms" Lower "frame time minus what the same draws take on a machine with a CPU for every thread; median" OWN;
    "excess_p99_ms" "ms" Lower "the same, 99th percentile" OWN;
    "excess_max_ms" "ms" Lower "the same, longest" OWN;
    "frames_due" "frames" Neither "vblanks in the window (uncapped: frames started)" OWN;
    "frames_done" "frames" Higher "of these, frames that were submitted before the end of the run" OWN;
    "frames_late" "frames" Lower "frames due minus those submitted within one period of their vsync: late and dropped ones" "PANDEMONIUM's deadline misses, with dropped frames counted";
    "fps_avg" "1/s" Higher "frames seen / time, from display intervals (uncapped: present intervals)" "CapFrameX, MangoHud: Average = Count * 1000 / Sum";
    "fps_p1" "1/s" Higher "1 % low as a percentile: 1000 / 99th percentile of the interval" "CapFrameX P1; MangoHud";
    "fps_p01" "1/s" Higher "0.1 % low as a percentile" "CapFrameX P0.1; MangoHud";
    "fps_low1" "1/s" Higher "1 % low as an average: 1000 / mean of the intervals at or beyond the 99th percentile" "CapFrameX 1% Low Average";
    "fps_low01" "1/s" Higher "0.1 % low as an average" "CapFrameX 0.1% Low Average";
    "fps_low1_integral" "1/s" Higher "1 % low by time: slowest intervals that fill 1 % of the time, the rate of the shortest of them" "CapFrameX 1% Low Integral; MSI Afterburner";
    "interval_p50_ms" "ms" Lower "time from one new image to the next, median" "MangoHud, PresentMon MsBetweenDisplayChange";
    "interval_p99_ms" "ms" Lower "the same, 99th percentile" "MangoHud, PresentMon MsBetweenDisplayChange";
    "interval_p999_ms" "ms" Lower "the same, 99.9th percentile; below 1,000 frames it leans on a single one" "MangoHud, PresentMon MsBetweenDisplayChange";
    "interval_max_ms" "ms" Lower "the same, longest; includes a gap open at either end of the window when longer than two periods" OWN;
    "interval_deviation_ms" "ms" Lower "the same, standard deviation" "scx_cake's frame-time stddev";
    "interval_jitter_ms" "ms" Lower "change from one interval to the next, absolute, median" "scx_cake's jitter";
    "stutters" "count" Lower "intervals longer than twice the median" "the stricter of the usual rules; CapFrameX compares with a moving average";
    "stutters_per_min" "1/min" Lower "the same for each minute: runs need not be equally long" OWN;
    "stutter_time_pct" "%" Lower "share of the time in such intervals" "CapFrameX stutter time";
    "missed_vblanks" "count" Lower "refreshes that should have shown a new frame and showed the old one" OWN;
    "animation_error_mean_ms" "ms" Lower "step of game time minus step of display time, absolute, mean" "PresentMon MsAnimationError";
    "animation_error_p99_ms" "ms" Lower "the same, 99th percentile" "PresentMon MsAnimationError";
    "input_to_frame_p50_ms" "ms" Lower "oldest input report a frame took up, to the end of its submit; median" "after PresentMon MsPCLatency, up to the submit";
    "input_to_frame_p99_ms" "ms" Lower "the same, 99th percentile" "after PresentMon MsPCLatency";
    "input_wake_p50_us" "us" Lower "time stamp of an input report to the return of the game's read of it; median" OWN;
    "input_wake_p99_us" "us" Lower "the same, 99th percentile" OWN;
    "input_wake_p999_us" "us" Lower "the same, 99.9th percentile" OWN;
    "input_wake_max_us" "us" Lower "the same, longest" OWN;
    "input_lost" "reports" Lower "reports the mouse made in the window and the game never read" OWN;
    "audio_xruns" "count" Lower "periods whose mix was not done when the next period began" "PipeWire's xrun: pw-top ERR";
    "audio_worst_gap_ms" "ms" Lower "longest time between two mixes" OWN;
    "audio_wake_p99_us" "us" Lower "begin of a period to the mixer running, 99th percentile" OWN;
    "encoder_missed" "frames" Lower "encoder frames skipped or not done within their period" OWN;
    "background_cpu_s" "s" Higher "CPU time all backgrounds burnt in the window" "interbench: % desired CPU";
    "background_longest_wait_ms" "ms" Lower "longest time any background thread wanted to run and did not: inside its work, after a timer, or from fork to first instruction" OWN;
    "game_cpu_s" "s" Neither "CPU time the threads of the game burnt in the window" OWN;
    "foreground_run_s" "s" Neither "time on a CPU of everything that is no background, kernel work on its behalf included: on an idle machine, CPUs times seconds minus this is what the game leaves over" "/proc/PID/task/TID/schedstat";
    "game_run_delay_s" "s" Lower "time the threads of the game were runnable and waited" "/proc/PID/task/TID/schedstat";
    "game_migrations" "count" Lower "times a thread of the game changed its CPU" "/proc/PID/task/TID/sched se.nr_migrations";
    "game_switches" "count" Lower "voluntary and involuntary context switches of the game's threads" "/proc/PID/task/TID/status";
}

/// What is reported of each role of the game and the desktop, and of each class of background: field, meaning.
/// These stand in the JSON under `roles` and `backgrounds`, by name.
pub const OF_ROLES: &[(&str, &str)] = &[
    ("threads", "threads of that role"),
    (
        "cpu_s",
        "CPU time they burnt in the window, by their own thread clocks",
    ),
    ("jobs", "activations completed in the window"),
    (
        "longest_wait_ms",
        "longest time one of them wanted to run and did not",
    ),
    (
        "run_s",
        "time on a CPU, kernel work included: /proc/PID/task/TID/schedstat, first field",
    ),
    (
        "delay_s",
        "run delay: time runnable and waiting; schedstat, second field",
    ),
    (
        "delay_per_run_us",
        "run delay for each time one was put on a CPU; schedstat, second and third field",
    ),
    ("runs", "times one was put on a CPU; schedstat, third field"),
    (
        "voluntary",
        "context switches by sleeping: /proc/PID/task/TID/status",
    ),
    (
        "involuntary",
        "context switches by losing the CPU: the same",
    ),
    (
        "migrations",
        "changes of CPU: /proc/PID/task/TID/sched, se.nr_migrations",
    ),
];
pub const OF_CLASSES: &[(&str, &str)] = &[
    (
        "threads",
        "threads of that class; all of a churn of processes are one",
    ),
    (
        "cpu_s",
        "goodput: CPU time its work got in the window, which is what it gets done",
    ),
    ("jobs", "jobs completed in the window"),
    (
        "missed",
        "jobs past their deadline, of a class that has one",
    ),
    (
        "thread_cpu_min_s",
        "the thread with the least CPU time; with mean and max it shows how fair the shares are",
    ),
    ("thread_cpu_mean_s", "mean of its threads"),
    ("thread_cpu_max_s", "the thread with the most"),
    (
        "longest_wait_ms",
        "longest time one of them wanted to run and did not",
    ),
    ("delay_s", "run delay of its threads, by schedstat"),
];

pub fn find(key: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|m| m.key == key)
}

/// What `--explain` prints.
pub fn explain() -> String {
    let mut text = String::new();
    for m in METRICS {
        let better = match m.better {
            Better::Lower => "lower is better",
            Better::Higher => "higher is better",
            Better::Neither => "context",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{} [{}] ({better})\n    {}\n    source: {}",
            m.key, m.unit, m.about, m.source
        );
    }
    for (of, fields) in [("role", OF_ROLES), ("background", OF_CLASSES)] {
        for (field, about) in fields {
            let _ = writeln!(text, "{of}.{field}\n    {about}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_explained() {
        for (i, m) in METRICS.iter().enumerate() {
            assert!(
                METRICS[..i].iter().all(|o| o.key != m.key),
                "{} twice",
                m.key
            );
            assert!(explain().contains(m.about));
        }
        assert_eq!(find("fps_avg").unwrap().better, Better::Higher);
        assert!(find("nope").is_none());
    }

    #[test]
    fn every_field_of_a_group_is_explained() {
        let fields = |value: serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        let explained = |list: &[(&str, &str)]| {
            let mut names: Vec<String> = list.iter().map(|(name, _)| name.to_string()).collect();
            names.sort();
            names
        };
        let role = serde_json::to_value(crate::metrics::groups::Role::default()).unwrap();
        assert_eq!(fields(role), explained(OF_ROLES));
        let class = serde_json::to_value(crate::metrics::groups::Class::default()).unwrap();
        assert_eq!(fields(class), explained(OF_CLASSES));
    }
}
