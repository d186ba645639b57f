// SPDX-License-Identifier: GPL-2.0-only
//! The figures as text.

use crate::drain::Drained;
use crate::subjects::{Measured, median};
use crate::wait::Waited;
use std::fmt::Write as _;

/// Median over the rounds and, in brackets, the least and the greatest of them;
/// then what is left without the first subject, the empty program with as many
/// writers, and the ratio to it.
pub fn of_subjects(all: &[Measured]) -> String {
    let head = ["more", "x empty"];
    let mut out = format!("{:<16}", "ns a run");
    for writers in ["one writer", "two writers at once"] {
        let _ = write!(out, " {writers:>24} {:>7} {:>8}", head[0], head[1]);
    }
    out.push('\n');
    let Some(base) = all.first() else {
        return out;
    };
    for m in all {
        let _ = write!(out, "{:<16}", m.subject.name);
        for (rounds, base) in m.rounds.iter().zip(&base.rounds) {
            let (ns, base) = (median(rounds), median(base));
            let (more, ratio) = (ns - base, ns / base);
            let _ = write!(out, " {:>24} {more:>7.1} {ratio:>8.2}", spread(rounds));
        }
        let _ = writeln!(out, "  {}", m.subject.what);
    }
    out
}

fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{:.1} ({least:.1} - {most:.1})", median(values))
}

pub fn of_drain(drained: &Drained) -> String {
    let [ring, lane] = drained.medians();
    format!(
        "ns an event read: ring buffer {}, lane {}: {:.2} times\n",
        spread(&drained.ring),
        spread(&drained.lane),
        lane / ring
    )
}

pub fn of_waits(waits: &[Waited]) -> String {
    let mut out = String::new();
    for w in waits {
        let _ = writeln!(
            out,
            "reader by {:<13} event to reader {:.1} us median, {:.1} us p99, {:.0} % of a CPU",
            w.how,
            w.median_us,
            w.p99_us,
            w.cpu_share * 100.0
        );
    }
    out
}
