// SPDX-License-Identifier: GPL-2.0-only
//! Every tunable asked for what it cannot be, in every way in which one can ask: by flag, by the configuration file, for
//! all times and for a game, and by `set`. The answer is exit code 2 and one message that names the range.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

use std::path::PathBuf;
use std::process::Command;

const BAD_USAGE: i32 = 2;

struct Tunable {
    name: String,
    min: u64,
    max: u64,
    unit: String,
}

/// From the list that the product is made of, read here by other code than the product's.
fn tunables() -> Vec<Tunable> {
    let list = include_str!("../src/bpf/tunables.def.h");
    let item = |line: &str| {
        let fields = line.strip_prefix("TUNABLE(")?;
        let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
        let [name, _, min, max, unit, ..] = fields[..] else {
            return None;
        };
        // The head of the file shows the form.
        Some(Tunable {
            name: name.into(),
            min: min.parse().ok()?,
            max: max.parse().ok()?,
            unit: unit.trim_matches('"').into(),
        })
    };
    let found: Vec<_> = list.lines().filter_map(item).collect();
    assert_eq!(found.len(), list.matches("\nTUNABLE(").count());
    found
}

/// The ways to ask: a name and a value, as a command line.
struct Ways {
    file: PathBuf,
}

impl Ways {
    fn new(test: &str) -> Self {
        let file = format!("photon-{test}-{}.toml", std::process::id());
        Ways {
            file: std::env::temp_dir().join(file),
        }
    }

    fn ask(&self, way: &str, name: &str, value: &str) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scx_photon"));
        let number = value.parse::<f64>().is_ok();
        let in_file = if number {
            value.into()
        } else {
            format!("\"{value}\"")
        };
        match way {
            "flag" => command.arg(format!("--{}={value}", name.replace('_', "-"))),
            "set" => command.args(["set", &format!("{name}={value}")]),
            section => {
                let text = format!("{section}\ntunables.{name} = {in_file}\n");
                std::fs::write(&self.file, text).unwrap();
                command.arg("--config").arg(&self.file)
            }
        };
        let out = command.output().unwrap();
        assert!(out.stdout.is_empty(), "{way}: {name}={value}");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        (out.status.code(), said)
    }
}

impl Drop for Ways {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

const WAYS: [&str; 4] = ["flag", "", "[[game]]\nprogram = \"quake\"", "set"];

#[test]
fn every_bad_value_names_the_range() {
    let ways = Ways::new("bad-values");
    for t in tunables() {
        let below = t.min.checked_sub(1).map_or("-1".into(), |n| n.to_string());
        let above = (t.max + 1).to_string();
        let range = format!("{} to {} {}", t.min, t.max, t.unit);
        for value in [&below, &above, "x", "1.5", ""] {
            for way in WAYS {
                let (code, said) = ways.ask(way, &t.name, value);
                let case = format!("{way}: {}={value}: {said}", t.name);
                assert_eq!(code, Some(BAD_USAGE), "{case}");
                assert!(said.contains(&range), "{case}");
                let named = said.contains(&t.name) || said.contains(&t.name.replace('_', "-"));
                assert!(named, "{case}");
            }
        }
    }
}

/// What may be is not refused.
#[test]
fn the_ends_of_the_range_are_within_it() {
    for t in tunables() {
        for value in [t.min, t.max] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_scx_photon"));
            command.arg(format!("--{}={value}", t.name.replace('_', "-")));
            // Attaches nothing, and a game is started whatever valid flags stand before it.
            let out = command.args(["run", "--", "true"]).output().unwrap();
            assert!(out.status.success(), "{}={value}: {out:?}", t.name);
        }
    }
}

#[test]
fn an_unknown_name_is_named() {
    let ways = Ways::new("unknown-name");
    for t in tunables() {
        let wrong = format!("{}x", t.name);
        for way in WAYS {
            let (code, said) = ways.ask(way, &wrong, &t.min.to_string());
            let case = format!("{way}: {wrong}: {said}");
            assert_eq!(code, Some(BAD_USAGE), "{case}");
            let named = said.contains(&wrong) || said.contains(&wrong.replace('_', "-"));
            assert!(named, "{case}");
        }
    }
}
