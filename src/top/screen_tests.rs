// SPDX-License-Identifier: GPL-2.0-only
//! The pictures, at 80x24 and elsewhere.

use super::*;
use crate::model::{Delay, Ring};
use crate::view::{Cpu, Process};
use crate::why::Stutter;
use crate::why::cause::{Behind, Cause};
use crate::why::text::tests::{stutter, wait};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

fn cpu(cpu: usize, class: &str, due_us: i64) -> Cpu {
    Cpu {
        cpu,
        class: class.into(),
        ran_us: 1234,
        due_us,
        idle: class == "-",
    }
}

/// With a longer name and number than the ones there.
fn long_stutter() -> Stutter {
    Stutter {
        process: "a-longish-name".into(),
        tgid: 1_234_567,
        ..stutter(Cause::Waited {
            behind: Behind::RealTime,
            wait: wait(),
        })
    }
}

pub fn state(cpus: usize) -> State {
    let mut view = View {
        version: "0.1.0-gabcdef x86_64".into(),
        kernel: "7.3.4+deb13-amd64".into(),
        uptime_s: 300.0,
        input_probe: true,
        frames: vec![16.7; 100],
        ..View::default()
    };
    let classes = ["input", "frame", "kernel", "fair", "batch", "-"];
    view.cpus = (0..cpus)
        .map(|i| {
            cpu(
                i,
                classes[i % classes.len()],
                59_000 - 30_000 * (i as i64 % 4),
            )
        })
        .collect();
    view.sample.at_ns = 1;
    view.sample.rings = vec![Ring::default(); 16];
    view.sample.input_delay_us = Delay {
        count: 5,
        p50: 16.0,
        p99: 32.0,
        max: 56.0,
    };
    view.processes = vec![Process {
        pid: 1,
        name: "a-longish-name".into(),
        beginnings: 60.0,
        cpu_percent: 143.0,
        watched: true,
    }];
    view.why.process = "a-longish-name".into();
    (view.why.tgid, view.why.frames, view.why.at_ns) = (1_234_567, 100, 3_500_000_000);
    view.why.frame_ms.p50 = 16.7;
    view.why.stutters = vec![long_stutter(); 9];
    State {
        view,
        source: "live".into(),
        ..State::default()
    }
}

fn picture(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|f| draw(f, state)).expect("draws");
    let buffer = terminal.backend().buffer().clone();
    let rows = buffer.content.chunks(usize::from(width));
    let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|c| c.symbol()).collect::<String>();
    rows.map(|row| text(row) + "\n").collect()
}

#[test]
fn everything_is_there_at_80x24() {
    let text = picture(&state(4), 80, 24);
    for wanted in [
        "frames of a-longish-name (1234567), paced by",
        "59.9 fps",
        "input to run p50 16 p99 32 max 56 us",
        "source to frame",
        "  0 I input",
        "due in 59.0 ms",
        "rescues 0",
        "*a-longish-name    60/s  143 %",
        "real-time task audio (77)",
        "q quit",
        "h help",
        "frame times",
    ] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
}

#[test]
fn many_cpus_are_letters() {
    let text = picture(&state(128), 80, 24);
    for row in [
        "   0 IFKfb.IF Kfb.IFKf b.IFKfb. IFKfb.IF ",
        "  96 IFKfb.IF Kfb.IFKf b.IFKfb. IFKfb.IF ",
    ] {
        assert!(text.contains(row), "{row}:\n{text}");
    }
}

#[test]
fn a_cpu_that_is_offline_is_a_blank_among_letters() {
    let mut state = state(128);
    state
        .view
        .cpus
        .retain(|c| c.cpu % 8 != 1 && !(8..96).contains(&c.cpu));
    let text = picture(&state, 80, 24);
    for row in ["   0 I Kfb.IF ", "  96 I Kfb.IF K b.IFKf "] {
        assert!(text.contains(row), "{row}:\n{text}");
    }
}

#[test]
fn the_help_explains_every_key_and_fits() {
    let mut state = state(4);
    state.help = true;
    let text = picture(&state, 80, 24);
    for line in HELP.lines() {
        assert!(text.contains(line.trim_end()), "{line}:\n{text}");
    }
    for key in [
        "q", "Esc", "Ctrl-C", "p,", "space", "d ", "up", "down", "left", "right", "h,", "?",
    ] {
        assert!(HELP.contains(key), "{key}");
    }
}

/// Rates are told from sums.
#[test]
fn the_help_says_what_is_counted_since_the_attach() {
    let mut state = state(4);
    let rescued = |view: &mut View, n| {
        let counters = &mut view.sample.counters;
        counters.insert("rescue_overdue".into(), n);
    };
    state.before = state.view.clone();
    rescued(&mut state.before, 3);
    rescued(&mut state.view, 5);
    state.view.sample.at_ns += 1_000_000_000;
    let text = picture(&state, 80, 24);
    assert!(text.contains("rescues 5, rings 0, lost 0"), "{text}");
    let sum = "rescues: tasks that had waited past their bound, since the attach";
    assert!(HELP.contains(sum) && !HELP.contains("real-time tasks"));
}

#[test]
fn no_size_and_no_data_is_a_panic() {
    for (width, height) in [(1, 1), (20, 5), (40, 10), (300, 100)] {
        for cpus in [0, 1, 512] {
            let mut state = state(cpus);
            state.help = cpus == 1;
            state.details = true;
            picture(&state, width, height);
        }
        picture(&State::default(), width, height);
    }
}
