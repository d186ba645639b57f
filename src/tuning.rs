// SPDX-License-Identifier: GPL-2.0-only
//! The values of the tunables while the scheduler runs. They come in layers, and
//! the first that says something counts: `scx_photon set`, the configuration's
//! section of the game that is played, flags, the configuration, the profile, the
//! default. The upper two end with the game and with the daemon.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::{Error, Result, anyhow, bail};
use log::{info, warn};
use serde_json::Value;

use crate::channel;
use crate::cli::Cli;
use crate::config::{Config, Profile};
use crate::detect::rules::Rule;
use crate::games::Games;
use crate::loader::Scheduler;
use crate::tables::{self, TUNABLES, Tunable, Values};

/// Takes a value of `set` back.
pub const RESET: &str = "reset";
const ROOT: u32 = 0;

/// By the name of the tunable.
type Given = BTreeMap<String, u64>;

#[derive(Clone, Debug, Default)]
pub struct Layers {
    set: Given,
    game: Given,
    flags: Given,
    file: Config,
    profile: Profile,
}

impl Layers {
    pub fn new(flags: Given, file: Config, profile: Profile) -> Self {
        Layers {
            flags,
            file,
            profile,
            ..Layers::default()
        }
    }

    pub fn values(&self) -> Values {
        let value = |t: &Tunable| {
            let given = [&self.set, &self.game, &self.flags, &self.file.tunables];
            let given = given.iter().find_map(|layer| layer.get(t.name).copied());
            given
                .or_else(|| self.profile.value(t.name))
                .unwrap_or(t.default)
        };
        Values(TUNABLES.iter().map(value).collect())
    }

    /// All of them or, with an error that says what may be, none.
    pub fn set<'t>(&mut self, wanted: impl Iterator<Item = (&'t str, &'t str)>) -> Result<()> {
        let mut set = self.set.clone();
        for (name, text) in wanted {
            match assignment(name, text)? {
                (name, Some(value)) => set.insert(name.into(), value),
                (name, None) => set.remove(name),
            };
        }
        self.set = set;
        Ok(())
    }

    /// The game that is played, by its program and its name.
    pub fn play(&mut self, game: Option<(&str, &str)>) {
        let wanted = game.and_then(|(program, name)| self.file.of_game(program, name));
        self.game = wanted.cloned().unwrap_or_default();
    }
}

/// One `NAME=VALUE`, checked; no value where it is to be taken back.
pub fn assignment(name: &str, text: &str) -> Result<(&'static str, Option<u64>)> {
    let name = name.replace('-', "_");
    let tunable = tables::find(&name).map_err(Error::msg)?;
    if text == RESET {
        return Ok((tunable.name, None));
    }
    let value = tunable.parse(text);
    let value = value.map_err(|e| anyhow!("{name}={text}: {e}"))?;
    Ok((tunable.name, Some(value)))
}

/// At the start, where somebody is looking: what SIGHUP could not read either.
pub fn warn_of_reload(cli: &Cli) {
    if let Some(path) = &cli.config_file
        && let Err(e) = Config::reread(path)
    {
        warn!("{} could not be read again: {e}", path.display());
    }
}

/// What the daemon does with them.
pub struct Tuning {
    layers: RefCell<Layers>,
}

impl Tuning {
    pub fn new(layers: Layers) -> Self {
        Tuning {
            layers: RefCell::new(layers),
        }
    }

    /// Of the configuration that counts now.
    pub fn rules(&self) -> Vec<Rule> {
        self.layers.borrow().file.rules.clone()
    }

    /// As the layers are now.
    pub fn values(&self) -> Values {
        self.layers.borrow().values()
    }

    /// The request `set`: of root alone, whoever else may connect.
    pub fn set(
        &self,
        scheduler: &Scheduler<'_>,
        wanted: &BTreeMap<String, String>,
        uid: u32,
    ) -> Result<Value> {
        if uid != ROOT {
            bail!("only root may change the scheduler");
        }
        let pairs = wanted.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        self.layers.borrow_mut().set(pairs)?;
        self.apply(scheduler)?;
        self.show(scheduler)
    }

    /// What the kernel part has, by name.
    pub fn show(&self, scheduler: &Scheduler<'_>) -> Result<Value> {
        let values = channel::tunables(scheduler)?.0;
        let named = TUNABLES.iter().zip(values);
        Ok(named
            .map(|(t, v)| (t.name.to_string(), Value::from(v)))
            .collect())
    }

    /// SIGHUP: the file again. One that is wrong changes nothing.
    pub fn reload(
        &self,
        scheduler: &Scheduler<'_>,
        cli: &Cli,
        games: &mut Games<'_>,
    ) -> Result<()> {
        let Some(path) = &cli.config_file else {
            info!("SIGHUP: there is nothing to read again, it was started without --config");
            return Ok(());
        };
        match Config::reread(path) {
            Err(e) => warn!("{} is not read again: {e}", path.display()),
            Ok(config) => {
                games.take_rules(config.rules.clone());
                let mut layers = self.layers.borrow_mut();
                if layers.file.prefer_cpus != config.prefer_cpus {
                    warn!("prefer_cpus counts from the next start on");
                }
                layers.file = config;
                drop(layers);
                info!("{} is read again", path.display());
                self.game_changed(scheduler, games)?;
            }
        }
        Ok(())
    }

    /// Another game, or none.
    pub fn game_changed(&self, scheduler: &Scheduler<'_>, games: &Games<'_>) -> Result<()> {
        self.layers.borrow_mut().play(games.playing());
        self.apply(scheduler)
    }

    /// Writes what has changed, and says so.
    fn apply(&self, scheduler: &Scheduler<'_>) -> Result<()> {
        let (old, new) = (channel::tunables(scheduler)?, self.values());
        if old == new {
            return Ok(());
        }
        channel::tune(scheduler, &new)?;
        let differ = TUNABLES.iter().zip(old.0.iter().zip(&new.0));
        let differ = differ.filter(|(_, (old, new))| old != new);
        let list: Vec<String> = differ
            .map(|(t, (old, new))| format!("{}={new} (was {old})", t.name))
            .collect();
        info!("tunables: {}", list.join(", "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(layers: &Layers) -> u64 {
        let at = TUNABLES.iter().position(|t| t.name == "slice_us");
        layers.values().0[at.expect("slice_us")]
    }

    #[test]
    fn the_upper_layer_counts() {
        let mut layers = Layers::default();
        let default = slice(&layers);
        layers.profile = Profile::Powersave;
        let profile = slice(&layers);
        assert_ne!(profile, default);
        layers.file = Config::parse("[tunables]\nslice_us = 4000\n[[game]]\nprogram = \"Quake\"\ntunables.slice_us = 5000\n")
            .expect("a good file");
        assert_eq!(slice(&layers), 4000);
        layers.flags.insert("slice_us".into(), 4500);
        assert_eq!(slice(&layers), 4500);
        layers.play(Some(("quake", "quake")));
        assert_eq!(slice(&layers), 5000);
        layers
            .set([("slice-us", "6000")].into_iter())
            .expect("good");
        assert_eq!(slice(&layers), 6000);
        layers.set([("slice_us", RESET)].into_iter()).expect("good");
        assert_eq!(slice(&layers), 5000);
        layers.play(None);
        assert_eq!(slice(&layers), 4500);
    }

    #[test]
    fn one_bad_value_and_nothing_is_set() {
        let mut layers = Layers::default();
        for (bad, why) in [
            (("slice_us", "1"), "500 to 20000 us"),
            (("slice_us", "x"), "not a whole number"),
            (("slices", "3000"), "no tunable is called slices"),
        ] {
            let wanted = [("frame_budget_us", "9000"), bad];
            let error = layers.set(wanted.into_iter()).expect_err(why);
            assert!(error.to_string().contains(why), "{error}");
            assert_eq!(layers.values(), Values::default());
        }
    }
}
