// SPDX-License-Identifier: GPL-2.0-only
//! The configuration file (`--config FILE`, TOML): values of tunables, and rules
//! for what is a game. Flags come before it, it comes before the profile.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::detect::rules::Rule;
use crate::tables::TUNABLES;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// By name, with underscores.
    pub tunables: BTreeMap<String, u64>,
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

impl Config {
    /// Reads and checks a file; the error says what is wrong and where.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let config: Config = toml::from_str(text).map_err(|e| e.to_string())?;
        for (name, value) in &config.tunables {
            let tunable = TUNABLES.iter().find(|t| t.name == name);
            let tunable = tunable.ok_or_else(|| format!("no tunable is called {name}"))?;
            tunable
                .parse(&value.to_string())
                .map_err(|e| format!("{name} = {value}: {e}"))?;
        }
        Ok(config)
    }
}

/// `--profile`: a set of tunables, by the names of scx_loader's modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// The defaults
    #[default]
    Auto,
    /// The defaults: they are for games
    Gaming,
    /// Background work rotates four times as often and waits half as long, for more switches
    Lowlatency,
    /// Longer slices and fewer preemptions
    Powersave,
    /// No boost of input, display or audio: everything is work
    Server,
}

impl Profile {
    fn values(self) -> &'static [(&'static str, u64)] {
        match self {
            Profile::Auto | Profile::Gaming => &[],
            Profile::Lowlatency => &[("slice_us", 1000), ("fair_deadline_us", 30000)],
            Profile::Powersave => &[("slice_us", 8000), ("preempt_margin_us", 2000)],
            Profile::Server => &[
                ("slice_us", 8000),
                ("input_window_us", 0),
                ("display_window_us", 0),
                ("frame_window_us", 0),
            ],
        }
    }

    /// Its value of a tunable, if it has one.
    pub fn value(self, name: &str) -> Option<u64> {
        let found = self.values().iter().find(|(n, _)| *n == name);
        found.map(|(_, v)| *v)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn a_file_of_everything() {
        let text = "[tunables]\nslice_us = 3000\n\n[[rule]]\nprogram = \"quake\"\ngame = true\n";
        let config = Config::parse(text).expect("a good file");
        assert_eq!(config.tunables["slice_us"], 3000);
        assert!(config.rules[0].game);
        assert_eq!(Config::parse("").expect("empty"), Config::default());
    }

    #[test]
    fn bad_files_say_why() {
        for (text, why) in [
            ("[tunables]\nslice_us = 1\n", "500 to 20000 us"),
            ("[tunables]\nslices = 1\n", "no tunable is called slices"),
            ("[tunables]\nslice_us = -1\n", "slice_us"),
            ("[[rule]]\nprogam = \"x\"\ngame = true\n", "progam"),
            ("[[rule]]\nprogram = \"x\"\n", "game"),
            ("slice_us = 3000\n", "slice_us"),
        ] {
            let error = Config::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn profiles_are_within_range() {
        for profile in Profile::value_variants() {
            for (name, value) in profile.values() {
                let tunable = TUNABLES
                    .iter()
                    .find(|t| t.name == *name)
                    .expect("a tunable");
                assert_eq!(tunable.parse(&value.to_string()), Ok(*value), "{profile:?}");
                assert_ne!(
                    tunable.default, *value,
                    "{profile:?} changes nothing of {name}"
                );
            }
        }
    }
}
