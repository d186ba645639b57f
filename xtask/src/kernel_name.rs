// SPDX-License-Identifier: GPL-2.0-only
//! Which package holds the newest stock kernel of a series.

use crate::paths;
use anyhow::{Context, Result, anyhow};
use std::fmt;
use std::str::FromStr;

/// The series tested when none is named, one a line.
const TESTED: &str = "tests/vm/KERNELS";
/// sched_ext came with this one.
const OLDEST: (u32, u32) = (6, 12);
const ARCHITECTURE: &str = "-amd64";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Series {
    Newest,
    /// Every series from 6.12 that the archive has.
    All,
    Exact(u32, u32),
}

impl FromStr for Series {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "newest" => Ok(Series::Newest),
            "all" => Ok(Series::All),
            _ => {
                let parts: Option<Vec<u32>> = text.split('.').map(|p| p.parse().ok()).collect();
                match parts.as_deref() {
                    Some([major, minor]) => Ok(Series::Exact(*major, *minor)),
                    _ => Err(format!(
                        "`{text}` is no kernel series: say 6.18, newest or all"
                    )),
                }
            }
        }
    }
}

/// Those named, or those of [`TESTED`], in their order.
pub fn named_or_tested(named: &[Series]) -> Result<Vec<Series>> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let text = std::fs::read_to_string(paths::root().join(TESTED)).context(TESTED)?;
    let lines = text.lines().map(str::trim);
    let series = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    series
        .map(|line| line.parse().map_err(|e| anyhow!("{TESTED}: {e}")))
        .collect()
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Series::Newest => f.write_str("newest"),
            Series::All => f.write_str("all"),
            Series::Exact(major, minor) => write!(f, "{major}.{minor}"),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavour {
    Generic,
    Cloud,
}

impl Flavour {
    fn suffix(self) -> &'static str {
        match self {
            Flavour::Generic => ARCHITECTURE,
            Flavour::Cloud => "-cloud-amd64",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// As `uname -r` says: `6.18.15+deb13-amd64`.
    pub name: String,
    /// Up to 6.18 one package holds image and modules; later there are two.
    pub split: bool,
    numbers: Vec<u32>,
}

impl Release {
    pub fn packages(&self) -> Vec<String> {
        let kinds: &[&str] = if self.split {
            &["binary", "modules"]
        } else {
            &["image"]
        };
        kinds
            .iter()
            .map(|kind| format!("linux-{kind}-{}", self.name))
            .collect()
    }

    pub fn series(&self) -> (u32, u32) {
        (self.numbers[0], self.numbers[1])
    }

    fn parse(package: &str, flavour: Flavour) -> Option<Release> {
        let (split, name) = match package.strip_prefix("linux-binary-") {
            Some(name) => (true, name),
            None => (false, package.strip_prefix("linux-image-")?),
        };
        let version = name.strip_suffix(flavour.suffix())?;
        // A dash left over belongs to another flavour (`-cloud`, `-rt`); a letter first, to `unsigned` and `amd64`.
        if version.contains('-') || !version.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        let numbers = version
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse().ok());
        let numbers: Vec<u32> = numbers.collect();
        (numbers.len() >= 2).then(|| Release {
            name: name.to_string(),
            split,
            numbers,
        })
    }
}

/// The newest release of each wanted series, oldest series first. Empty when the archive has none.
pub fn choose(packages: &[String], series: &Series, flavour: Flavour) -> Vec<Release> {
    let mut all: Vec<Release> = packages
        .iter()
        .filter_map(|p| Release::parse(p, flavour))
        .collect();
    // From 6.19 `linux-image` is an empty package that pulls in the other two, so the split form wins.
    all.sort_by(|a, b| a.numbers.cmp(&b.numbers).then(a.split.cmp(&b.split)));
    let mut newest: Vec<Release> = Vec::new();
    for release in all.into_iter().filter(|r| r.series() >= OLDEST) {
        match newest.last_mut() {
            Some(last) if last.series() == release.series() => *last = release,
            _ => newest.push(release),
        }
    }
    match series {
        Series::All => newest,
        Series::Newest => newest.pop().into_iter().collect(),
        Series::Exact(major, minor) => newest
            .into_iter()
            .filter(|r| r.series() == (*major, *minor))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> Vec<String> {
        let names = "linux-image-6.1.0-30-amd64 linux-image-6.16.3+deb13-amd64 linux-image-6.16.12+deb13-amd64 \
            linux-image-6.16.12+deb13-cloud-amd64 linux-image-6.18.15+deb13-rt-amd64 linux-image-amd64 \
            linux-image-6.18.15+deb13-amd64 linux-image-6.18.12+deb13-amd64 linux-image-6.18.15+deb13-amd64-unsigned \
            linux-image-7.3.4+deb13-amd64 linux-binary-7.3.4+deb13-amd64 linux-image-7.3.4+deb13-amd64-dbg \
            linux-binary-unsigned-7.3.5+deb13-amd64 linux-image-6.12.90+deb12-amd64 linux-image-6.12.90+deb12.1-amd64";
        names.split_whitespace().map(str::to_string).collect()
    }

    fn names(series: Series, flavour: Flavour) -> Vec<String> {
        choose(&packages(), &series, flavour)
            .into_iter()
            .map(|r| r.name)
            .collect()
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert_eq!(
            names(Series::Exact(6, 16), Flavour::Generic),
            ["6.16.12+deb13-amd64"]
        );
        assert_eq!(
            names(Series::Exact(6, 12), Flavour::Generic),
            ["6.12.90+deb12.1-amd64"]
        );
    }

    #[test]
    fn newest_and_all() {
        assert_eq!(
            names(Series::Newest, Flavour::Generic),
            ["7.3.4+deb13-amd64"]
        );
        assert_eq!(names(Series::All, Flavour::Generic).len(), 4);
        assert_eq!(
            names(Series::Newest, Flavour::Cloud),
            ["6.16.12+deb13-cloud-amd64"]
        );
        assert!(names(Series::Exact(6, 1), Flavour::Generic).is_empty());
    }

    #[test]
    fn later_kernels_come_in_two_packages() {
        let newest = choose(&packages(), &Series::Newest, Flavour::Generic).remove(0);
        assert_eq!(
            newest.packages(),
            [
                "linux-binary-7.3.4+deb13-amd64",
                "linux-modules-7.3.4+deb13-amd64"
            ]
        );
        let older = choose(&packages(), &Series::Exact(6, 18), Flavour::Generic).remove(0);
        assert_eq!(older.packages(), ["linux-image-6.18.15+deb13-amd64"]);
    }

    #[test]
    fn series_parse() {
        assert_eq!("6.18".parse(), Ok(Series::Exact(6, 18)));
        assert!("6".parse::<Series>().is_err() && "6.18.1".parse::<Series>().is_err());
    }
}
