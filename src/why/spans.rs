// SPDX-License-Identifier: GPL-2.0-only
//! Sets of time as sorted intervals that do not touch. Nanoseconds.

pub type Span = (u64, u64);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spans(Vec<Span>);

impl Spans {
    /// The union of the spans, each cut to `within`.
    pub fn new(spans: impl IntoIterator<Item = Span>, within: Span) -> Self {
        let mut all: Vec<Span> = spans
            .into_iter()
            .map(|(a, b)| (a.max(within.0), b.min(within.1)))
            .filter(|(a, b)| a < b)
            .collect();
        all.sort_unstable();
        let mut out: Vec<Span> = Vec::new();
        for (a, b) in all {
            match out.last_mut() {
                Some(last) if a <= last.1 => last.1 = last.1.max(b),
                _ => out.push((a, b)),
            }
        }
        Spans(out)
    }

    /// What is in this set and not in the other.
    pub fn minus(&self, other: &Spans) -> Spans {
        let mut out = Vec::new();
        for &(mut a, b) in &self.0 {
            for &(c, d) in &other.0 {
                if d <= a || c >= b {
                    continue;
                }
                if c > a {
                    out.push((a, c));
                }
                a = a.max(d);
            }
            if a < b {
                out.push((a, b));
            }
        }
        Spans(out)
    }

    pub fn iter(&self) -> impl Iterator<Item = Span> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unions_and_differences() {
        let a = Spans::new([(5, 7), (0, 2), (1, 3), (9, 30)], (0, 20));
        assert_eq!(a, Spans(vec![(0, 3), (5, 7), (9, 20)]));
        let b = Spans::new([(2, 6), (10, 11)], (0, 20));
        assert_eq!(a.minus(&b), Spans(vec![(0, 2), (6, 7), (9, 10), (11, 20)]));
    }
}
