// SPDX-License-Identifier: GPL-2.0-only
//! Which CPUs frame work tries first, on machines whose CPUs are not alike, and the
//! order of all. What differs more counts first: the kind of core, then the size of
//! the last-level cache, then the firmware's ranking of whole caches. A ranking within
//! one cache makes an order and no set: a few percent of clock are not worth
//! the move to another core.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::list;
use super::machine::Cpu;

/// A CPU below this part of the fastest is of another kind. The small cores of Zen 4c
/// and 5c boost to 79 % or less; the two halves of one CPU with and without a stacked
/// cache are at 90 % and above.
const SMALL_PERCENT: usize = 85;
/// A cache below this part of the largest is a smaller one: 32 MB beside 96, 8 beside 16.
const SMALL_CACHE_PERCENT: u64 = 80;
/// By so much the mean rank of a cache must be above the next: the halves of desktop
/// CPUs are 10 % and more apart, those of servers equal but for noise.
const RANK_PERCENT: usize = 105;

/// `--prefer-cpus`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PreferCpus {
    /// What the machine's topology says.
    #[default]
    Auto,
    /// All CPUs are alike.
    None,
    List(Vec<usize>),
}

impl FromStr for PreferCpus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(PreferCpus::Auto),
            "none" => Ok(PreferCpus::None),
            list => list::parse(list)
                .map(PreferCpus::List)
                .map_err(|e| format!("{e}; or auto, or none")),
        }
    }
}

/// A set of CPUs that is better for frames than the rest; there is a rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preferred {
    #[serde(rename = "first", serialize_with = "as_list")]
    pub cpus: Vec<usize>,
    /// A thread of a core whose other thread is busy is no better than the rest.
    pub whole_cores: bool,
    why: String,
}

fn as_list<S: Serializer>(cpus: &[usize], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&list::show(cpus))
}

impl Preferred {
    pub fn choose(cpus: &[Cpu], wanted: &PreferCpus) -> Option<Self> {
        let (whole_cores, why, first) = match wanted {
            PreferCpus::None => return None,
            PreferCpus::List(list) => {
                let listed = |c: &Cpu| list.contains(&c.place.cpu);
                (false, "--prefer-cpus".into(), those(cpus, listed))
            }
            PreferCpus::Auto => by_kind(cpus)
                .or_else(|| by_cache(cpus))
                .or_else(|| by_rank(cpus))?,
        };
        let is_part = !first.is_empty() && first.len() < cpus.len();
        is_part.then_some(Preferred {
            cpus: first,
            whole_cores,
            why,
        })
    }

    pub fn has(&self, cpu: usize) -> bool {
        self.cpus.contains(&cpu)
    }

    /// For people: `frame tasks try CPUs 0-7 first (96 MB of L3), then 8-15`.
    pub fn describe(&self, order: &[usize]) -> String {
        let mut rest: Vec<usize> = order.iter().copied().filter(|c| !self.has(*c)).collect();
        rest.sort_unstable();
        let idle = if self.whole_cores {
            "idle cores of "
        } else {
            ""
        };
        format!(
            "frame tasks try {idle}CPUs {} first ({}), then {}",
            list::show(&self.cpus),
            self.why,
            list::show(&rest)
        )
    }
}

fn those(cpus: &[Cpu], wanted: impl Fn(&Cpu) -> bool) -> Vec<usize> {
    let mut found: Vec<usize> = cpus
        .iter()
        .filter(|c| wanted(c))
        .map(|c| c.place.cpu)
        .collect();
    found.sort_unstable();
    found
}

type Choice = (bool, String, Vec<usize>);

/// Big and small cores: as the kernel names them, or by rank and clock together.
/// A rank alone is none of speed: on some CPUs the last core has 70 % of the first's.
fn by_kind(cpus: &[Cpu]) -> Option<Choice> {
    let named = cpus.iter().any(|c| c.performance);
    let best = |value: fn(&Cpu) -> usize| cpus.iter().map(value).max().unwrap_or(0);
    let (rank, clock) = (best(|c| c.rank), best(|c| c.max_khz));
    let low = |value: usize, best: usize| value > 0 && value * 100 < best * SMALL_PERCENT;
    let small = |c: &Cpu| {
        if named {
            !c.performance
        } else {
            low(c.rank, rank) && low(c.max_khz, clock)
        }
    };
    let first = those(cpus, |c| !small(c));
    let part = first.len() < cpus.len();
    let smt = cpus
        .iter()
        .map(|c| c.place.core)
        .collect::<BTreeSet<_>>()
        .len()
        < cpus.len();
    part.then(|| (smt, "performance cores".into(), first))
}

/// Caches of different sizes.
fn by_cache(cpus: &[Cpu]) -> Option<Choice> {
    let largest = cpus.iter().map(|c| c.l3_kb).max().unwrap_or(0);
    let first = those(cpus, |c| c.l3_kb * 100 >= largest * SMALL_CACHE_PERCENT);
    let part = first.len() < cpus.len();
    part.then(|| (false, format!("{} MB of L3", largest / 1024), first))
}

/// Equal caches, one of which has the cores that the firmware ranks first.
fn by_rank(cpus: &[Cpu]) -> Option<Choice> {
    let mut llcs: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for c in cpus {
        let (sum, n) = llcs.entry(c.place.llc).or_default();
        (*sum, *n) = (*sum + c.rank, *n + 1);
    }
    let mut means: Vec<(usize, usize)> =
        llcs.iter().map(|(llc, (sum, n))| (sum / n, *llc)).collect();
    means.sort_unstable_by(|a, b| b.cmp(a));
    let [(best, llc), (next, _), ..] = means[..] else {
        return None;
    };
    let clear = best * 100 >= next * RANK_PERCENT;
    clear.then(|| {
        let first = those(cpus, |c| c.place.llc == llc);
        (false, "ranked first by the firmware".into(), first)
    })
}

/// All CPUs, the one to be tried first in front: preferred ones before the rest,
/// except that second threads come last where whole cores are wanted; in between
/// a thread of each core before its siblings, cache by cache, by rank.
pub fn order(cpus: &[Cpu], preferred: Option<&Preferred>) -> Vec<usize> {
    let mut cores: Vec<&Cpu> = cpus.iter().collect();
    cores.sort_by_key(|c| c.place);
    let mut threads = BTreeMap::new();
    let mut keyed: Vec<_> = cores
        .iter()
        .map(|c| {
            let nth = threads.entry(c.place.core).or_insert(0);
            *nth += 1;
            let rest = preferred.is_some_and(|p| !p.has(c.place.cpu));
            let whole = preferred.is_some_and(|p| p.whole_cores);
            let outer = if whole {
                (*nth > 1, rest)
            } else {
                (rest, false)
            };
            let rank = std::cmp::Reverse(c.rank);
            (outer, *nth, c.place.llc, rank, c.place)
        })
        .collect();
    keyed.sort();
    keyed.iter().map(|(.., place)| place.cpu).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_lists() {
        assert_eq!("auto".parse(), Ok(PreferCpus::Auto));
        assert_eq!("none".parse(), Ok(PreferCpus::None));
        assert_eq!("0-1,4".parse(), Ok(PreferCpus::List(vec![0, 1, 4])));
        let error = "all".parse::<PreferCpus>().expect_err("no such word");
        assert!(error.ends_with("or auto, or none"), "{error}");
    }
}
