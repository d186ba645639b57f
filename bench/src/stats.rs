// SPDX-License-Identifier: GPL-2.0-only
//! Is B better than A? Paired by seed where there are pairs, with bootstrap intervals of fixed
//! seed, and a sentence that claims no more than the interval does.

use crate::metrics::definitions::Better;
use crate::quantile::{mean, quantile, sorted};
use crate::rng::Stream;
use distrs::{Normal, StudentsT};
use serde::Serialize;

/// Resamples of a bootstrap: the interval's ends move by less than 1 % of its width beyond this.
pub const RESAMPLES: u64 = 10_000;
/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;
/// The same data must give the same interval.
const BOOTSTRAP_SEED: u64 = 20_260_101;
/// Fewer pairs than this are too few for the bench's claims.
pub const MIN_SAMPLES: usize = 5;
/// The same for a player's own runs, which cost minutes each.
pub const MIN_RUNS: usize = 3;

/// An estimate and the interval around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
    /// Values it rests on.
    pub n: usize,
}

impl Interval {
    pub fn excludes(&self, value: f64) -> bool {
        self.low > value || self.high < value
    }
}

fn interval(estimate: f64, n: usize, draws: Vec<f64>) -> Option<Interval> {
    let draws = sorted(draws);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    Some(Interval {
        estimate,
        low: quantile(&draws, tail)?,
        high: quantile(&draws, 1.0 - tail)?,
        n,
    })
}

/// One resample of `values`.
fn resample(values: &[f64], stream: &Stream, round: u64) -> Vec<f64> {
    let last = values.len() as u64 - 1;
    let pick = |i| values[stream.range(round, i, 0, last) as usize];
    (0..values.len() as u64).map(pick).collect()
}

/// Any statistic of one list, with its percentile bootstrap interval.
pub fn bootstrap(values: &[f64], statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Interval> {
    let estimate = statistic(values)?;
    let stream = Stream::new(BOOTSTRAP_SEED, "bootstrap", 0);
    let draws = (0..RESAMPLES)
        .filter_map(|round| statistic(&resample(values, &stream, round)))
        .collect();
    interval(estimate, values.len(), draws)
}

/// Mean of `b - a` over pairs of the same seed or run; widened by [`small_sample_factor`].
pub fn paired_difference(pairs: &[(f64, f64)]) -> Option<Interval> {
    let differences: Vec<f64> = pairs.iter().map(|(a, b)| b - a).collect();
    let narrow = bootstrap(&differences, mean)?;
    Some(narrow.widened(small_sample_factor(pairs.len(), pairs_freedom(pairs.len()))))
}

fn pairs_freedom(n: usize) -> f64 {
    n.saturating_sub(1).max(1) as f64
}

/// Ratio of the means of `b` and `a` over pairs of the same seed; pairs are resampled whole. Widened
/// as the difference is, in the logarithm, since a ratio has no zero to cross. None where it is not
/// above zero, or may not be: of nothing, or of a difference, there is no such ratio.
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Option<Interval> {
    let ratio = |pairs: &[(f64, f64)]| {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        mean(&b)
            .zip(mean(&a))
            .filter(|(_, a)| *a != 0.0)
            .map(|(b, a)| b / a)
    };
    let stream = Stream::new(BOOTSTRAP_SEED, "pairs", 0);
    let estimate = ratio(pairs)?;
    let last = pairs.len() as u64 - 1;
    let draws = (0..RESAMPLES).filter_map(|round| {
        let pick = |i| pairs[stream.range(round, i, 0, last) as usize];
        ratio(&(0..pairs.len() as u64).map(pick).collect::<Vec<_>>())
    });
    let narrow = interval(estimate, pairs.len(), draws.collect())?;
    if estimate <= 0.0 || narrow.low <= 0.0 {
        return None;
    }
    let factor = small_sample_factor(pairs.len(), pairs_freedom(pairs.len()));
    let end = |end: f64| estimate * (end / estimate).powf(factor);
    Some(Interval {
        low: end(narrow.low),
        high: end(narrow.high),
        ..narrow
    })
}

/// The factor by which the percentile bootstrap of a small list is too narrow: resamples of n
/// values vary by (n - 1) / n of what they should, and the normal tail is shorter than Student's
/// (Hesterberg 2014, "What teachers should know about the bootstrap").
fn small_sample_factor(n: usize, freedom: f64) -> f64 {
    let n = n as f64;
    let upper = (1.0 + CONFIDENCE) / 2.0;
    let tails = StudentsT::ppf(upper, freedom) / Normal::ppf(upper, 0.0, 1.0);
    tails * (n / (n - 1.0).max(1.0)).sqrt()
}

/// Does the difference exclude zero though it is one of `family` that were looked at? Bonferroni's
/// correction: each may err with the family's share of the error only, so its interval is wider by
/// the ratio of Student's quantiles.
pub fn excludes_zero_among(d: &Interval, family: usize) -> bool {
    let freedom = pairs_freedom(d.n);
    let upper = |tests: f64| StudentsT::ppf(1.0 - (1.0 - CONFIDENCE) / 2.0 / tests, freedom);
    let factor = upper(family.max(1) as f64) / upper(1.0);
    d.widened(factor).excludes(0.0)
}

/// Welch's degrees of freedom.
fn freedom(a: &[f64], b: &[f64]) -> f64 {
    let term = |list: &[f64]| {
        let (n, m) = (list.len() as f64, mean(list).unwrap_or(0.0));
        let variance = list.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
        (variance / n, (n - 1.0).max(1.0))
    };
    let ((va, da), (vb, db)) = (term(a), term(b));
    let spread = va.powi(2) / da + vb.powi(2) / db;
    match spread > 0.0 {
        true => (va + vb).powi(2) / spread,
        false => da.min(db),
    }
}

impl Interval {
    fn widened(self, factor: f64) -> Interval {
        let end = |end: f64| self.estimate + (end - self.estimate) * factor;
        Interval {
            low: end(self.low),
            high: end(self.high),
            ..self
        }
    }
}

/// Difference of the means of two independent lists, `b - a`: for runs without pairs, such as a
/// player's own. The interval is widened for small lists.
pub fn independent_difference(a: &[f64], b: &[f64]) -> Option<Interval> {
    independent(a, b, RESAMPLES)
}

fn independent(a: &[f64], b: &[f64], resamples: u64) -> Option<Interval> {
    let estimate = mean(b)? - mean(a)?;
    let stream = |side| Stream::new(BOOTSTRAP_SEED, "side", side);
    let (left, right) = (stream(0), stream(1));
    let draws = (0..resamples).filter_map(|round| {
        let (a, b) = (resample(a, &left, round), resample(b, &right, round));
        Some(mean(&b)? - mean(&a)?)
    });
    let smaller = a.len().min(b.len());
    let narrow = interval(estimate, smaller, draws.collect())?;
    Some(narrow.widened(small_sample_factor(smaller, freedom(a, b))))
}

/// What an interval of `b - a` allows to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finding {
    Better,
    Worse,
    /// The interval contains zero.
    Undecided,
    /// Too few values for any claim.
    TooFew,
}

pub fn find(difference: &Interval, better: Better) -> Finding {
    find_from(difference, better, MIN_SAMPLES)
}

/// The same where `least` values are enough.
pub fn find_from(difference: &Interval, better: Better, least: usize) -> Finding {
    if difference.n < least {
        return Finding::TooFew;
    }
    if !difference.excludes(0.0) || better == Better::Neither {
        return Finding::Undecided;
    }
    match (better, difference.low > 0.0) {
        (Better::Higher, true) | (Better::Lower, false) => Finding::Better,
        _ => Finding::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_data_same_interval() {
        let pairs: Vec<(f64, f64)> = (0..8).map(|i| (f64::from(i), f64::from(i) + 1.0)).collect();
        let d = paired_difference(&pairs).unwrap();
        assert_eq!((d.estimate, d.low, d.high, d.n), (1.0, 1.0, 1.0, 8));
        assert_eq!(paired_difference(&pairs), Some(d));
        let ratio = paired_ratio(&pairs).unwrap();
        assert!((ratio.estimate - 36.0 / 28.0).abs() < 1e-12);
        assert!(ratio.low < ratio.estimate && ratio.estimate < ratio.high);
        let none_late: Vec<(f64, f64)> = pairs.iter().map(|(a, _)| (*a, 0.0)).collect();
        assert_eq!(paired_ratio(&none_late), None);
        let negative: Vec<(f64, f64)> = pairs.iter().map(|(a, b)| (*a, -b)).collect();
        assert_eq!(paired_ratio(&negative), None);
    }

    #[test]
    fn interval_covers_the_truth_about_as_often_as_it_says() {
        let rounds = 200;
        let covered = (0..rounds)
            .filter(|round| {
                let s = Stream::new(*round, "coverage", 0);
                let values: Vec<f64> = (0..30).map(|k| s.unit(k, 0)).collect();
                !bootstrap(&values, mean).unwrap().excludes(0.5)
            })
            .count();
        // A percentile bootstrap of 30 is a little narrow: 90 to 99 % for a stated 95.
        assert!(
            (180..=198).contains(&covered),
            "covered {covered} of {rounds}"
        );
    }

    #[test]
    fn findings_follow_direction_and_interval() {
        let d = |low, high, n| Interval {
            estimate: (low + high) / 2.0,
            low,
            high,
            n,
        };
        assert_eq!(find(&d(1.0, 2.0, 9), Better::Higher), Finding::Better);
        assert_eq!(find(&d(1.0, 2.0, 9), Better::Lower), Finding::Worse);
        assert_eq!(find(&d(-2.0, -1.0, 9), Better::Lower), Finding::Better);
        assert_eq!(find(&d(-1.0, 2.0, 9), Better::Lower), Finding::Undecided);
        assert_eq!(find(&d(0.0, 0.0, 9), Better::Lower), Finding::Undecided);
        assert_eq!(find(&d(1.0, 2.0, 4), Better::Lower), Finding::TooFew);
        assert_eq!(find(&d(1.0, 2.0, 9), Better::Neither), Finding::Undecided);
    }

    #[test]
    fn independent_lists() {
        let a = vec![10.0; 6];
        let b = vec![12.0; 7];
        let d = independent_difference(&a, &b).unwrap();
        assert_eq!((d.estimate, d.low, d.high, d.n), (2.0, 2.0, 2.0, 6));
        assert!(independent_difference(&[], &b).is_none());
    }

    /// Five pairs without a difference, as the bench has them: before the widening 19 % of an A/A
    /// run's metrics claimed one.
    #[test]
    fn few_pairs_do_not_make_claims_cheap() {
        const ROUNDS: u64 = 400;
        const MOST: usize = 36;
        let claimed = |round: &u64| {
            let s = Stream::new(*round, "pairs without a difference", 0);
            let draw = |k, side| s.lognormal(k, side, 10_000_000, 0.1) as f64;
            let pairs: Vec<_> = (0..5).map(|k| (draw(k, 0), draw(k, 1))).collect();
            paired_difference(&pairs).unwrap().excludes(0.0)
        };
        let claims = (0..ROUNDS).filter(claimed).count();
        assert!(claims <= MOST, "{claims} of {ROUNDS}");
    }

    #[test]
    fn a_family_needs_more_than_one_of_it() {
        let d = |low| Interval {
            estimate: 10.0,
            low,
            high: 20.0 - low,
            n: 5,
        };
        assert!(excludes_zero_among(&d(5.0), 1));
        // Student's quantile of 0.025 / 300 with four degrees of freedom is 5.4 times that of 0.025.
        assert!(!excludes_zero_among(&d(5.0), 300));
        assert!(excludes_zero_among(&d(9.0), 300));
    }

    /// Two sides without a difference, run times skewed as real ones are: how often a difference
    /// is claimed.
    #[test]
    fn few_runs_do_not_make_claims_cheap() {
        let side = |s: &Stream, n, side| -> Vec<f64> {
            let draw = |k| s.lognormal(k, side, 10_000_000, 0.1) as f64;
            (0..n).map(draw).collect()
        };
        // 5 % is what the interval promises; 400 rounds tell that from 12 %.
        const ROUNDS: u64 = 400;
        const MOST: usize = 48;
        for n in [MIN_RUNS as u64, 6] {
            let claimed = |round: &u64| {
                let s = Stream::new(*round, "claims", n);
                let d = independent(&side(&s, n, 0), &side(&s, n, 1), 1_000).unwrap();
                d.excludes(0.0)
            };
            let claims = (0..ROUNDS).filter(claimed).count();
            assert!(claims <= MOST, "{n} runs a side: {claims} of {ROUNDS}");
        }
    }
}
