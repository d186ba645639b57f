// SPDX-License-Identifier: GPL-2.0-only
//! The configuration file (`--config FILE`, TOML): values of tunables, for all times
//! and for single games, and rules for what is a game. Which value counts when
//! several say something is `tuning.rs`'s to say.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Deserializer, de::Error};

use crate::detect::rules::Rule;
use crate::tables;
use crate::topology::prefer::PreferCpus;

/// A thousand sections and rules are half of it.
const SIZE_MAX: u64 = 256 * 1024;

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// As the flag takes it. Counts from the next start on.
    #[serde(deserialize_with = "prefer_cpus")]
    pub prefer_cpus: PreferCpus,
    /// By name, with underscores.
    #[serde(deserialize_with = "tunables")]
    pub tunables: BTreeMap<String, u64>,
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
    #[serde(rename = "game")]
    games: Vec<GameSection>,
}

/// `[[game]]`: other values while this game is played.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct GameSection {
    /// File name of the program, in any case.
    program: String,
    #[serde(deserialize_with = "tunables")]
    tunables: BTreeMap<String, u64>,
}

fn prefer_cpus<'de, D: Deserializer<'de>>(text: D) -> Result<PreferCpus, D::Error> {
    let text = String::deserialize(text)?;
    text.parse().map_err(D::Error::custom)
}

/// Checked here, so that the error says where in the file it is.
fn tunables<'de, D: Deserializer<'de>>(table: D) -> Result<BTreeMap<String, u64>, D::Error> {
    let table = BTreeMap::<String, toml::Value>::deserialize(table)?;
    let checked = table.into_iter().map(|(name, value)| {
        let number = tables::find(&name)?.parse(&value.to_string());
        let number = number.map_err(|e| format!("{name} = {value}: {e}"))?;
        Ok((name, number))
    });
    checked
        .collect::<Result<_, String>>()
        .map_err(D::Error::custom)
}

/// The daemon opens it again at SIGHUP, in its loop: a pipe must not hold it up.
fn open(path: &Path) -> io::Result<File> {
    let mut open = File::options();
    open.read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

impl Config {
    /// Reads and checks a file; the error says what is wrong and where.
    pub fn read(path: &Path) -> Result<Self, String> {
        Self::of_file(open(path).map_err(|e| e.to_string())?)
    }

    /// As SIGHUP has it read, when privileges that are not needed have been dropped: without them root is somebody whom
    /// the mode of a file or a directory may keep out.
    pub fn reread(path: &Path) -> Result<Self, String> {
        let file = open(path).map_err(|e| match e.kind() {
            ErrorKind::PermissionDenied => {
                format!("{e}; put it where root reads it without privileges, as in /etc")
            }
            _ => e.to_string(),
        })?;
        Self::of_file(file)
    }

    fn of_file(file: File) -> Result<Self, String> {
        if !file.metadata().is_ok_and(|m| m.is_file()) {
            return Err("is no file".into());
        }
        let mut text = String::new();
        let read = file.take(SIZE_MAX + 1).read_to_string(&mut text);
        match read.map_err(|e| e.to_string())? as u64 {
            size if size > SIZE_MAX => Err(format!("is larger than {SIZE_MAX} bytes")),
            _ => Self::parse(&text),
        }
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    /// What a game's section says, if there is one of this program or this name.
    pub fn of_game(&self, program: &str, name: &str) -> Option<&BTreeMap<String, u64>> {
        let is = |wanted: &str| {
            wanted.eq_ignore_ascii_case(program) || wanted.eq_ignore_ascii_case(name)
        };
        let section = self.games.iter().find(|g| is(&g.program));
        section.map(|g| &g.tunables)
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
    /// Background work takes turns up to three times as often (hardly at HZ=250) and waits half as long; more switches
    Lowlatency,
    /// Longer slices, fewer preemptions, and no higher frequency for frames than the load asks for
    Powersave,
    /// No boost of input, display, audio or games: everything is work
    Server,
}

impl Profile {
    fn values(self) -> &'static [(&'static str, u64)] {
        match self {
            Profile::Auto | Profile::Gaming => &[],
            Profile::Lowlatency => &[("slice_us", 1000), ("fair_deadline_us", 30000)],
            Profile::Powersave => &[
                ("slice_us", 8000),
                ("preempt_margin_us", 2000),
                ("frame_frequency", 0),
            ],
            Profile::Server => &[
                ("slice_us", 8000),
                ("input_window_us", 0),
                ("display_window_us", 0),
                ("frame_window_us", 0),
                ("game_class", 0),
                ("batch_demotion", 0),
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
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_a_file_of_a_bounded_size_is_read() {
        let dir = std::env::temp_dir().join(format!("photon-config-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let (fifo, big) = (dir.join("fifo"), dir.join("big"));
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        assert_eq!(Config::read(&fifo), Err("is no file".into()));
        assert_eq!(Config::read(&dir), Err("is no file".into()));
        std::fs::write(&big, "#".repeat(SIZE_MAX as usize)).expect("writes");
        assert_eq!(Config::read(&big), Ok(Config::default()));
        std::fs::write(&big, "#".repeat(SIZE_MAX as usize + 1)).expect("writes");
        assert!(Config::read(&big).is_err());
        std::fs::remove_dir_all(&dir).expect("removes");
    }

    /// Root reads it at the start, and not at SIGHUP.
    #[test]
    fn a_file_that_needs_a_privilege_is_said_to_lie_in_the_wrong_place() {
        let path = std::env::temp_dir().join(format!("photon-mode-{}.toml", std::process::id()));
        std::fs::write(&path, "").expect("writes");
        assert_eq!(Config::reread(&path), Ok(Config::default()));
        std::fs::set_permissions(&path, Permissions::from_mode(0o000)).expect("it is ours");
        let file = path.clone();
        // Capabilities are a thread's own: one that ends here.
        let thread = std::thread::spawn(move || {
            crate::privilege::drop_unneeded();
            Config::reread(&file)
        });
        let error = thread.join().expect("passes").expect_err("mode 0");
        assert!(error.contains("as in /etc"), "{error}");
        std::fs::remove_file(&path).expect("removes");
    }

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
            ("[tunables]\nslice_us = -1\n", "500 to 20000 us"),
            ("[tunables]\nslice_us = \"x\"\n", "500 to 20000 us"),
            (
                "[[game]]\nprogram = \"x\"\ntunables.slice_us = 1\n",
                "500 to 20000 us",
            ),
            ("[[game]]\ntunables.slice_us = 3000\n", "program"),
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
                let tunable = tables::find(name).expect("a tunable");
                assert_eq!(tunable.parse(&value.to_string()), Ok(*value), "{profile:?}");
                assert_ne!(
                    tunable.default, *value,
                    "{profile:?} changes nothing of {name}"
                );
            }
        }
    }
}
