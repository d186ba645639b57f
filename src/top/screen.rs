// SPDX-License-Identifier: GPL-2.0-only
//! The picture of `top`: a function of the state alone. Made for 80x24; a larger
//! terminal shows more CPUs and more stutters.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Sparkline};

use crate::status::duration;
use crate::top::{State, cpus, wakeups};
use crate::view::View;
use crate::why::text;

/// Heights, of 24: head 3, frame times 5, middle 9, stutters 6, keys 1.
const HEAD: u16 = 3;
const CHART: u16 = 5;
const MIDDLE_MIN: u16 = 9;
const WHY_MIN: u16 = 3;
/// The CPUs' share of the width: the longest reason has 44 columns.
const CPUS_WIDTH: u16 = 46;
/// The chart's top, in usual frames: a missed refresh and one more.
const CHART_TOP: f64 = 3.0;
/// A bar's height is a whole number: hundredths of a millisecond.
const PER_MS: f64 = 100.0;

/// One line, always on screen.
const KEYS: &str = " q quit  p pause  d details  up/down stutters  left/right step  h help";

/// What the picture shows and every key.
pub const HELP: &str = " q, Esc, Ctrl-C  quit                d  details of stutters
 p, space        pause               up, down     older, newer stutters
 left, right     step (recordings)   h, ?  this help, and away with it

 Frame times: one bar a frame, newest right; the top is three usual frames.
 CPUs: I input  F frame  K kernel thread  G game  f fair  b batch  . idle
       R real-time or switching; on bigger machines the letters alone.
 due in: how long until its deadline; the earliest deadline runs.
 idle, preempt, queued: a second, wakeups that went to an idle CPU and to
       that of a running task; what was queued, also after a slice.
 rescues: tasks that had waited past their bound, since the attach; 0 but
       for overload. rings, lost: input events, and those lost, since then.
 Processes: frame threads' wakeups by sources and CPU; * is looked at.
 Stutters: frames twice the usual, newest first, and why.
 scx_photon why --details has all of them.";

pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    let [head, chart, middle, why, keys] = Layout::vertical([
        Constraint::Length(HEAD),
        Constraint::Length(CHART),
        Constraint::Min(MIDDLE_MIN),
        Constraint::Min(WHY_MIN),
        Constraint::Length(1),
    ])
    .areas(area);
    let view = &state.view;
    frame.render_widget(Paragraph::new(head_text(state)), head);
    draw_chart(frame, view, chart);
    let [left, right] =
        Layout::horizontal([Constraint::Length(CPUS_WIDTH), Constraint::Min(0)]).areas(middle);
    draw_cpus(frame, view, left);
    let block = titled(" wakeups and processes ".into());
    frame.render_widget(Paragraph::new(wakeups::text(state)).block(block), right);
    draw_why(frame, state, why);
    frame.render_widget(Paragraph::new(KEYS).reversed(), keys);
    if state.help {
        draw_help(frame, area);
    }
}

fn head_text(state: &State) -> Text<'static> {
    let v = &state.view;
    let version = v.version.split_whitespace().next().unwrap_or_default();
    let probe = if v.input_probe {
        ""
    } else {
        "  no input probe"
    };
    let paused = if state.paused { "  PAUSED" } else { "" };
    let title = format!(
        "scx_photon {version}  Linux {}  up {}{probe}  {}{paused}",
        v.kernel,
        duration(v.uptime_s),
        state.source
    );
    let w = &v.why;
    let game = match w.tgid {
        0 => "no frames seen yet: nothing is paced by timers, fences or real-time tasks".into(),
        _ => format!(
            "frames of {} ({}), paced by {} ({})",
            w.process, w.tgid, w.pacer, w.pacer_pid
        ),
    };
    let (d, s) = (&v.sample.input_delay_us, &w.source_to_frame_ms);
    let input = match d.count {
        0 => "input to run: no input yet".into(),
        _ => format!(
            "input to run p50 {:.0} p99 {:.0} max {:.0} us",
            d.p50, d.p99, d.max
        ),
    };
    let source = match w.frames {
        0 => String::new(),
        _ => format!("   source to frame p50 {:.1} p99 {:.1} ms", s.p50, s.p99),
    };
    Text::from(vec![
        Line::from(title).bold(),
        Line::from(game),
        Line::from(input + &source),
    ])
}

fn fps(ms: f64) -> f64 {
    if ms > 0.0 { 1000.0 / ms } else { 0.0 }
}

fn titled(title: String) -> Block<'static> {
    Block::new()
        .borders(Borders::TOP)
        .title(title)
        .border_style(Style::new().add_modifier(Modifier::DIM))
}

fn draw_chart(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let times = &view.why.frame_ms;
    let top = times.p50 * CHART_TOP;
    let block = titled(match view.why.frames {
        0 => " frame times ".to_string(),
        _ => format!(
            " frame times: {:.1} fps, p50 {:.1} p99 {:.1} max {:.1} ms; top of the chart {top:.0} ms ",
            fps(times.p50),
            times.p50,
            times.p99,
            times.max
        ),
    });
    let width = usize::from(area.width);
    let skip = view.frames.len().saturating_sub(width);
    let bars: Vec<u64> = view.frames[skip..]
        .iter()
        .map(|ms| (f64::from(*ms).min(top) * PER_MS) as u64)
        .collect();
    let line = Sparkline::default()
        .block(block)
        .max((top * PER_MS).max(1.0) as u64)
        .style(Style::new().fg(Color::Green))
        .data(&bars);
    frame.render_widget(line, area);
}

fn draw_cpus(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let block = titled(" CPUs ".into());
    let inner = block.inner(area);
    let (rows, width) = (usize::from(inner.height), usize::from(inner.width));
    let lines = cpus::lines(&view.cpus, rows, width);
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

fn draw_why(frame: &mut Frame<'_>, state: &State, area: Rect) {
    let why = &state.view.why;
    let n = why.stutters.len();
    let title = match n {
        0 => " stutters: none ".to_string(),
        _ => format!(" stutters, the last {n}, newest first "),
    };
    let mut lines = Vec::new();
    for s in why.stutters.iter().rev().skip(state.scroll) {
        lines.push(Line::from(text::line(why.at_ns, s)));
        if state.details {
            let details = text::details(s);
            lines.extend(
                details
                    .lines()
                    .map(|l| Line::from(l.trim_start().to_string()).dim()),
            );
        }
    }
    let paragraph = Paragraph::new(lines)
        .wrap(ratatui::widgets::Wrap { trim: true })
        .block(titled(title));
    frame.render_widget(paragraph, area);
}

fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let lines = HELP.lines().count() as u16;
    let width = HELP.lines().map(str::len).max().unwrap_or(0) as u16;
    let (width, height) = ((width + 3).min(area.width), (lines + 2).min(area.height));
    let place = Rect {
        x: (area.width - width) / 2,
        y: (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, place);
    let block = Block::bordered().title(" help ");
    frame.render_widget(Paragraph::new(HELP).block(block), place);
}

#[cfg(test)]
#[path = "screen_tests.rs"]
pub mod tests;
