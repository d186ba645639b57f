// SPDX-License-Identifier: GPL-2.0-only
//! A comparison as one HTML page.

use super::text::mark;
use super::verdict::label;
use super::{Row, Side, cautions};
use crate::metrics::definitions::Better;
use crate::page::curve::{self, Times};
use crate::page::svg::{self, Bar, Line, Ticks, Value};
use crate::page::{END, escaped, head};
use crate::stats::Finding;
use std::fmt::Write;

const MS_PER_S: f64 = 1000.0;
/// A line of more points than the plot has pixels shows nothing more; the slowest frame of each
/// piece is kept, because that is what the eye looks for.
const MOST_POINTS: usize = 1200;
const MOST_MARKS: f64 = 8.0;
/// Steps between marks that people read easily, in seconds.
const STEPS: [f64; 10] = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 300.0, 1_800.0];

/// `remarks` says how the runs came about.
pub fn render(rows: &[Row], a: &Side, b: &Side, verdict: &str, remarks: &[String]) -> String {
    let sides = [a, b];
    let mut html = head(&format!("{} and {}", a.name, b.name));
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(html, "<p><b>{}</b></p>", escaped(verdict));
    html += "<p class=\"key\">";
    for (index, side) in sides.iter().enumerate() {
        let _ = write!(
            html,
            "<span><i style=\"background:{}\"></i><b>{}</b> <small>{} runs</small></span>",
            svg::colour(index),
            escaped(&side.name),
            side.runs.len()
        );
    }
    html += "</p>\n<div class=\"plots\">";
    let _ = write!(
        html,
        "<div><h3>Frame time, ms, first run of each side <small>the slowest of each few frames</small></h3>{}</div>",
        time_line(&sides)
    );
    let _ = writeln!(
        html,
        "<div><h3>Frame time by percentile, ms, all runs</h3>{}</div></div>",
        curve::render(times(&sides), None)
    );
    html += "<div class=\"plots\">";
    for row in rows {
        let less = match row.metric.better {
            Better::Higher => "more is better",
            _ => "less is better",
        };
        let _ = write!(
            html,
            "<div><h3>{} <small>{less}</small></h3>{}</div>",
            escaped(&label(row)),
            bars(row, &sides)
        );
    }
    html += "</div>\n";
    html += &figures(rows, &sides);
    let _ = write!(
        html,
        "<h3>How to read it</h3><ul><li>Bars are means over the runs. The whisker is the 95 % interval of the difference, \
         drawn around the first side's mean. One in twenty such intervals misses by chance, and there are {} of them: \
         the sentence on top is about one figure chosen beforehand.</li>",
        rows.len()
    );
    for remark in remarks.iter().cloned().chain(cautions(a, b)) {
        let _ = write!(html, "<li>{}</li>", escaped(&remark));
    }
    html + "</ul>\n" + END
}

fn time_line(sides: &[&Side; 2]) -> String {
    let firsts: Vec<&[f64]> = sides
        .iter()
        .map(|s| s.runs.first().map_or(&[][..], |r| &r.times))
        .collect();
    let longest = firsts.iter().map(|t| t.iter().sum::<f64>());
    let end = longest.fold(0.0, f64::max) / MS_PER_S;
    let line = |(index, times): (usize, &&[f64])| Line {
        colour: svg::colour(index),
        points: thinned(times),
    };
    let lines: Vec<Line> = firsts.iter().enumerate().map(line).collect();
    let fits = |step: &f64| end / step <= MOST_MARKS;
    let step = STEPS.into_iter().find(fits).unwrap_or(end.max(1.0));
    let ticks: Ticks = (0..=(end / step) as u32)
        .map(|n| f64::from(n) * step)
        .map(|t| (t, format!("{}", (t * 10.0).round() / 10.0)))
        .collect();
    svg::lines(&lines, (0.0, end), &ticks, "seconds", None)
}

/// Seconds and milliseconds, the slowest frame of each piece of the run.
fn thinned(times: &[f64]) -> Vec<(f64, Option<f64>)> {
    let piece = times.len().div_ceil(MOST_POINTS).max(1);
    let mut at = 0.0;
    let point = |part: &[f64]| {
        at += part.iter().sum::<f64>() / MS_PER_S;
        (at, part.iter().copied().reduce(f64::max))
    };
    times.chunks(piece).map(point).collect()
}

fn times(sides: &[&Side; 2]) -> impl Iterator<Item = Times> {
    sides.iter().enumerate().map(|(index, side)| Times {
        colour: svg::colour(index),
        ms: side.runs.iter().flat_map(|r| r.times.clone()).collect(),
    })
}

fn bars(row: &Row, sides: &[&Side; 2]) -> String {
    let bar = |index: usize, mean: f64, ends: Option<(f64, f64)>| Bar {
        name: escaped(&sides[index].name),
        colour: svg::colour(index),
        value: Some(Value {
            mean,
            text: format!("{mean:.*}", row.digits),
            ends,
        }),
    };
    let d = &row.difference;
    let ends = (d.n > 1).then_some((row.a + d.low, row.a + d.high));
    svg::bars(&[bar(0, row.a, None), bar(1, row.b, ends)])
}

fn figures(rows: &[Row], sides: &[&Side; 2]) -> String {
    let mut html = format!(
        "<div class=\"scroll\"><table><tr><th>mean over the runs</th><th>{}</th><th>{}</th>\
         <th>difference</th><th>95 % interval</th><th></th></tr>\n",
        escaped(&sides[0].name),
        escaped(&sides[1].name)
    );
    for row in rows {
        let (d, digits) = (&row.difference, row.digits);
        let class = match row.finding {
            Finding::Better => "better",
            Finding::Worse => "worse",
            Finding::Undecided | Finding::TooFew => "",
        };
        let _ = writeln!(
            html,
            "<tr class=\"{class}\"><td>{}</td><td>{:.digits$}</td><td>{:.digits$}</td>\
             <td>{:+.digits$}</td><td>{:+.digits$} to {:+.digits$}</td><td>{}</td></tr>",
            escaped(&label(row)),
            row.a,
            row.b,
            d.estimate,
            d.low,
            d.high,
            mark(row.finding)
        );
    }
    html + "</table></div>\n"
}
