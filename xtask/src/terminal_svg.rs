// SPDX-License-Identifier: GPL-2.0-only
//! A terminal's screen as a picture.

use photon_bench::page::escaped;
use std::fmt::Write;
use vt100::{Cell, Color, Screen};

/// SVG units. A cell of most monospaced fonts is 0.6 of its size wide; `textLength` makes it so in all.
const FONT_SIZE: u32 = 14;
const CELL_WIDTH: f64 = 8.4;
const CELL_HEIGHT: f64 = 17.0;
const BASELINE: f64 = 13.0;
const MARGIN: f64 = 12.0;
const BACKGROUND: &str = "#14161b";
const FOREGROUND: &str = "#d7dae0";
/// xterm's sixteen, a little softer.
const PALETTE: [&str; 16] = [
    "#14161b", "#d9534f", "#57a64a", "#c9a227", "#4f8fd9", "#a66bbf", "#3fa7a3", "#d7dae0",
    "#6b7280", "#ef6b66", "#7ccf6b", "#e6c34a", "#75b0f5", "#c58ade", "#5fcfca", "#ffffff",
];

pub fn draw(screen: &Screen, title: &str) -> String {
    let (rows, columns) = screen.size();
    let width = f64::from(columns) * CELL_WIDTH + 2.0 * MARGIN;
    let height = f64::from(rows) * CELL_HEIGHT + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"{FONT_SIZE}\" role=\"img\">\n\
         <title>{}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escaped(title)
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            column = run(screen, row, column, &mut svg);
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// The cells from here on that look alike, and where the next begin.
fn run(screen: &Screen, row: u16, from: u16, svg: &mut String) -> u16 {
    let (_, columns) = screen.size();
    let style = |column| screen.cell(row, column).map(Style::of).unwrap_or_default();
    let this = style(from);
    let until = (from..columns)
        .find(|c| style(*c) != this)
        .unwrap_or(columns);
    let text: String = (from..until)
        .map(|c| match screen.cell(row, c).map(Cell::contents) {
            None | Some("") => " ",
            Some(text) => text,
        })
        .collect();
    let (x, y) = (
        MARGIN + f64::from(from) * CELL_WIDTH,
        MARGIN + f64::from(row) * CELL_HEIGHT,
    );
    let width = f64::from(until - from) * CELL_WIDTH;
    // A string has no errors to write to.
    if let Some(fill) = &this.background {
        let _ = writeln!(
            svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{CELL_HEIGHT}\" fill=\"{fill}\"/>"
        );
    }
    if !text.trim().is_empty() {
        let weight = if this.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{width:.1}\" xml:space=\"preserve\" fill=\"{}\"{weight}>{}</text>",
            y + BASELINE,
            this.foreground,
            escaped(&text)
        );
    }
    until
}

#[derive(Default, PartialEq)]
struct Style {
    foreground: String,
    background: Option<String>,
    bold: bool,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        let foreground = colour(cell.fgcolor()).unwrap_or_else(|| FOREGROUND.into());
        let background = colour(cell.bgcolor());
        let bold = cell.bold();
        match cell.inverse() {
            false => Style {
                foreground,
                background,
                bold,
            },
            true => Style {
                foreground: background.unwrap_or_else(|| BACKGROUND.into()),
                background: Some(foreground),
                bold,
            },
        }
    }
}

/// None: the terminal's own.
fn colour(colour: Color) -> Option<String> {
    /// The cube of 6 x 6 x 6 begins after the sixteen, the 24 greys after the cube.
    const CUBE: u8 = 16;
    const GREYS: u8 = 232;
    match colour {
        Color::Default => None,
        Color::Rgb(r, g, b) => Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Idx(i) if i < CUBE => Some(PALETTE[usize::from(i)].into()),
        Color::Idx(i) if i >= GREYS => {
            let grey = 8 + 10 * (i - GREYS);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
        Color::Idx(i) => {
            let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = i - CUBE;
            let (r, g, b) = (level(n / 36), level(n / 6 % 6), level(n % 6));
            Some(format!("#{r:02x}{g:02x}{b:02x}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_signs_of_a_screen_are_in_its_picture() {
        let mut terminal = vt100::Parser::new(2, 20, 0);
        terminal.process(b"\x1b[31;1ma<b\x1b[0m \x1b[38;5;196mc\x1b[0m\x1b[7mi");
        let svg = draw(terminal.screen(), "t");
        for part in ["a&lt;b", PALETTE[1], "bold", "#ff0000", FOREGROUND] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert_eq!(svg.matches("<text").count(), 3);
    }
}
