// SPDX-License-Identifier: GPL-2.0-only
//! What the CPUs run: a line each while they fit, else a letter each.

use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::view::Cpu;

const US_PER_MS: f64 = 1e3;

/// A letter and a colour for a class. Letters, so that nothing depends on colour.
pub fn mark(cpu: &Cpu) -> (char, Style) {
    let plain = Style::default();
    match cpu.class.as_str() {
        "input" => ('I', plain.fg(Color::Magenta).add_modifier(Modifier::BOLD)),
        "frame" => ('F', plain.fg(Color::Green).add_modifier(Modifier::BOLD)),
        "kernel" => ('K', plain.fg(Color::Cyan)),
        "game" => ('G', plain.fg(Color::Green)),
        "fair" => ('f', plain),
        "batch" => ('b', plain.fg(Color::Blue)),
        _ if cpu.idle => ('.', plain.add_modifier(Modifier::DIM)),
        _ => ('R', plain.fg(Color::Yellow)),
    }
}

/// Why it runs there, in a few words.
fn reason(cpu: &Cpu) -> String {
    let ms = |us: i64| us as f64 / US_PER_MS;
    let ran = cpu.ran_us as f64 / US_PER_MS;
    match cpu.class.as_str() {
        "-" if cpu.idle => "idle".into(),
        "-" => "real-time or switching".into(),
        // Who is not root is not told.
        class if (cpu.ran_us, cpu.due_us) == (0, 0) => class.into(),
        class if cpu.due_us < 0 => {
            format!(
                "{class:<6} {ran:6.1} ms, was due {:.1} ms ago",
                ms(-cpu.due_us)
            )
        }
        class => format!("{class:<6} {ran:6.1} ms, due in {:.1} ms", ms(cpu.due_us)),
    }
}

/// At most `rows` lines of at most `width` columns.
pub fn lines(cpus: &[Cpu], rows: usize, width: usize) -> Vec<Line<'static>> {
    if cpus.len() <= rows {
        return cpus.iter().map(line).collect();
    }
    let a_row = width.saturating_sub(NUMBER).max(1);
    // In groups of eight, as they are counted.
    let a_row = (a_row / 9 * 8).max(1);
    // A row begins at the same number whoever is offline.
    let rows_of = cpus.chunk_by(|a, b| a.cpu / a_row == b.cpu / a_row);
    let rows_of = rows_of.take(rows);
    rows_of.map(|row| letters(row, a_row)).collect()
}

/// Columns of the number that begins a row of letters.
const NUMBER: usize = 5;

fn line(cpu: &Cpu) -> Line<'static> {
    let (letter, style) = mark(cpu);
    Line::from(vec![
        Span::raw(format!("{:>3} ", cpu.cpu)),
        Span::styled(letter.to_string(), style),
        Span::raw(format!(" {}", reason(cpu))),
    ])
}

/// One that is offline is a blank in its place.
fn letters(cpus: &[Cpu], a_row: usize) -> Line<'static> {
    let begin = cpus.first().map_or(0, |c| c.cpu / a_row * a_row);
    let end = cpus.last().map_or(begin, |c| c.cpu);
    let mut spans = vec![Span::raw(format!("{begin:>4} "))];
    for (i, number) in (begin..=end).enumerate() {
        if i > 0 && i % 8 == 0 {
            spans.push(Span::raw(" "));
        }
        let cpu = cpus.iter().find(|c| c.cpu == number);
        let (letter, style) = cpu.map_or((' ', Style::default()), mark);
        spans.push(Span::styled(letter.to_string(), style));
    }
    Line::from(spans)
}
