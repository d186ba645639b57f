// SPDX-License-Identifier: GPL-2.0-only
//! The tunables and counters, from the C lists in `src/bpf/*.def.h`.

/// A tunable of the kernel part: the flag, its range and its help.
#[derive(Debug)]
pub struct Tunable {
    pub name: &'static str,
    pub default: u64,
    pub min: u64,
    pub max: u64,
    pub unit: &'static str,
    pub help: &'static str,
}

impl Tunable {
    /// The long flag: the name with dashes.
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Parses and checks a value typed by a person.
    pub fn parse(&self, text: &str) -> Result<u64, String> {
        let value: u64 = text
            .parse()
            .map_err(|_| format!("not a whole number of {}", self.unit))?;
        if (self.min..=self.max).contains(&value) {
            Ok(value)
        } else {
            Err(format!(
                "out of range: {} to {} {} (default {})",
                self.min, self.max, self.unit, self.default
            ))
        }
    }
}

/// A counter of the kernel part and what it counts.
#[derive(Debug)]
pub struct Counter {
    pub name: &'static str,
    pub help: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/tables.rs"));

/// The values of all tunables, in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values(pub Vec<u64>);

impl Default for Values {
    fn default() -> Self {
        Values(TUNABLES.iter().map(|t| t.default).collect())
    }
}

impl Values {
    /// The tunables that differ from their defaults, as `name=value`.
    pub fn changed(&self) -> Vec<String> {
        TUNABLES
            .iter()
            .zip(&self.0)
            .filter(|(t, v)| t.default != **v)
            .map(|(t, v)| format!("{}={v}", t.name))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range() {
        for t in TUNABLES {
            assert_eq!(t.parse(&t.default.to_string()), Ok(t.default), "{}", t.name);
        }
    }

    #[test]
    fn bad_values_name_the_range() {
        for t in TUNABLES {
            let above = (t.max + 1).to_string();
            let err = t.parse(&above).expect_err(t.name);
            assert!(
                err.contains(&t.max.to_string()) && err.contains(t.unit),
                "{err}"
            );
            assert!(t.parse("x").is_err() && t.parse("-1").is_err() && t.parse("").is_err());
        }
    }

    #[test]
    fn names_are_unique_and_described() {
        let mut names: Vec<_> = TUNABLES.iter().map(|t| t.name).collect();
        names.extend(COUNTERS.iter().map(|c| c.name));
        let total = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), total);
        assert!(
            TUNABLES
                .iter()
                .all(|t| t.help.len() > 20 && !t.unit.is_empty())
        );
        assert!(COUNTERS.iter().all(|c| c.help.len() > 20));
    }
}
