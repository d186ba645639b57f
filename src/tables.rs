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
        let what = match text.parse() {
            Ok(value) if (self.min..=self.max).contains(&value) => return Ok(value),
            Ok(_) => "out of range",
            Err(_) => "not a whole number within the range",
        };
        let (least, most, unit, default) = (self.min, self.max, self.unit, self.default);
        Err(format!(
            "{what}: {least} to {most} {unit} (default {default})"
        ))
    }
}

/// The one of that name; the error says that there is none.
pub fn find(name: &str) -> Result<&'static Tunable, String> {
    let found = TUNABLES.iter().find(|t| t.name == name);
    found.ok_or_else(|| format!("no tunable is called {name}"))
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
    /// All tunables, as `name=value`.
    pub fn all(&self) -> Vec<String> {
        let named = TUNABLES.iter().zip(&self.0);
        named.map(|(t, v)| format!("{}={v}", t.name)).collect()
    }

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
            let range = format!("{} to {} {}", t.min, t.max, t.unit);
            for bad in [&(t.max + 1).to_string(), "x", "-1", "", "1.5"] {
                let err = t.parse(bad).expect_err(t.name);
                assert!(err.contains(&range), "{bad}: {err}");
            }
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
