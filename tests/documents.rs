// SPDX-License-Identifier: GPL-2.0-only
//! The documents keep their word: every command of the README is run here, or its options are parsed, or a test that
//! runs it is named; every path and every name of a scenario in the documents exists.
#![allow(clippy::unwrap_used, clippy::expect_used)] // a failed helper is a failed test

#[allow(dead_code)] // `command` is for the virtual machine
#[path = "vm/src/documents.rs"]
mod documents;

use documents::commands;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Commands that cannot run in a test of one program: what they are, and where they are run or what they need. The
/// scenario `package` runs its own as they stand in the README (`cargo xtask systemd`).
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "apt install ./target/dist/scx-photon_*_amd64.deb",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "dnf install ./target/dist/scx_photon-*.x86_64.rpm",
        "dist/src/redhat.rs",
    ),
    (
        "tar -C / -xzf target/dist/scx_photon-*-static.tar.gz",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        r#"sh -c 'tar -tzf target/dist/scx_photon-*-static.tar.gz | sed "s|^\./|/|" | xargs rm -f'"#,
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "rm -r /usr/local/share/doc/scx_photon",
        "tests/vm/src/scenarios/package.rs",
    ),
    ("apt purge scx-photon", "tests/vm/src/scenarios/package.rs"),
    ("cd dist/arch", "dist/arch/PKGBUILD"),
    ("makepkg --force --syncdeps --install", "dist/arch/PKGBUILD"),
    (
        "nix build \"git+file://$PWD?dir=dist/nix\"",
        "dist/nix/flake.nix",
    ),
    (
        "install -m 755 target/release/scx_photon /usr/bin/",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "install -m 644 dist/scx_photon.service /etc/systemd/system/",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "systemctl stop scx_photon",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "systemctl daemon-reload",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "systemctl enable --now scx_photon",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "systemctl disable --now scx_photon",
        "tests/vm/src/scenarios/package.rs",
    ),
    (
        "rm /usr/bin/scx_photon /etc/systemd/system/scx_photon.service",
        "tests/vm/src/scenarios/package.rs",
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Why the command is not what it should be.
fn complaint(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    match words.as_slice() {
        ["scx_photon", args @ ..] => parses(env!("CARGO_BIN_EXE_scx_photon"), args, command),
        ["cargo", "xtask", ..] => unknown_subcommand(command),
        _ => match ELSEWHERE.iter().find(|(known, _)| *known == command) {
            Some((_, file)) if root().join(file).exists() => None,
            _ => Some(format!("`{command}` is not run by any test")),
        },
    }
}

/// With `--help` behind them all arguments are read, and a wrong one is an error first.
fn parses(program: &str, args: &[&str], command: &str) -> Option<String> {
    let out = Command::new(program)
        .args(args)
        .arg("--help")
        .output()
        .unwrap();
    (!out.status.success()).then(|| {
        format!(
            "`{command}`: {}",
            String::from_utf8_lossy(&out.stderr).trim()
        )
    })
}

/// Read from the source: building xtask here would take longer than all of this.
fn subcommands(file: &str, list: &str) -> BTreeSet<String> {
    let text = read(file);
    let list = format!("{list}::");
    let variants = text.split(&list).skip(1);
    let name = |rest: &str| {
        rest.split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap()
            .to_lowercase()
    };
    variants.map(name).collect()
}

/// Of `cargo xtask NAME`, and of `cargo xtask bench NAME`.
fn unknown_subcommand(command: &str) -> Option<String> {
    let mut words = command.split_whitespace().skip(2);
    let known = match words.next() {
        Some("bench") => match words.next() {
            Some(what) if !what.starts_with("--") => {
                subcommands("xtask/src/bench.rs", "What").contains(what)
            }
            _ => true,
        },
        Some(name) => subcommands("xtask/src/main.rs", "Command").contains(name),
        None => true,
    };
    (!known).then(|| format!("`{command}`: no such command"))
}

/// Every `cargo xtask`, wherever a line breaks in it, up to the end of its quotes or a remark.
fn xtask_commands(text: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let rests = text.split("cargo xtask").skip(1);
    rests
        .map(|rest| format!("cargo xtask{}", rest.split(['`', '#']).next().unwrap()))
        .collect()
}

#[test]
fn every_subcommand_of_the_documents_exists() {
    let sample = "`cargo\n  xtask ru --x`, `cargo xtask bench\ncos` and cargo xtask c2c # remark; `cargo xtask`";
    let unknown = |text: &str| -> Vec<String> {
        xtask_commands(text)
            .iter()
            .filter_map(|c| unknown_subcommand(c))
            .collect()
    };
    assert_eq!(xtask_commands(sample).len(), 4);
    assert_eq!(unknown(sample).len(), 2, "{:?}", unknown(sample));
    for (document, least) in [
        ("README.md", 10),
        ("CONTRIBUTING.md", 20),
        ("docs/DESIGN.md", 30),
    ] {
        let text = read(document);
        assert!(xtask_commands(&text).len() >= least, "{document}");
        assert_eq!(unknown(&text), Vec::<String>::new(), "{document}");
    }
}

#[test]
fn every_command_of_the_readme_is_run_or_parsed() {
    for bad in ["scx_photon --no-such-flag", "cargo xtask nope", "rm -rf /"] {
        assert!(complaint(bad).is_some(), "{bad}");
    }
    let found = commands(&read("README.md"));
    assert!(found.len() > 15, "{found:?}");
    let complaints: Vec<String> = found.iter().filter_map(|c| complaint(c)).collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    for (known, _) in ELSEWHERE {
        assert!(
            found.iter().any(|c| c == known),
            "not in the README any more: {known}"
        );
    }
}

#[test]
fn what_needs_nothing_is_run() {
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_scx_photon"))
            .args(args)
            .output()
            .unwrap()
    };
    assert!(run(&["--help"]).status.success());
    assert!(run(&["--help-stats"]).status.success());
    // Exits with 0 or 1, and says why.
    let check = run(&["check"]);
    assert!(matches!(check.status.code(), Some(0 | 1)), "{check:?}");
}

/// The configuration that the README shows, read by the program.
#[test]
fn the_configuration_of_the_readme_is_one() {
    let readme = read("README.md");
    let from = readme.find("    # /etc/scx_photon.toml").expect("a file");
    let lines = readme[from..].lines();
    let lines = lines.take_while(|l| l.is_empty() || l.starts_with("    "));
    let text: String = lines.map(|l| format!("{}\n", l.trim_start())).collect();
    assert!(text.contains("[[game]]") && text.contains("[[rule]]"));
    let file = std::env::temp_dir().join(format!("photon-readme-{}.toml", std::process::id()));
    for (text, code) in [(text.replace("slice_us", "slices"), 2), (text, 0)] {
        std::fs::write(&file, text).unwrap();
        let out = Command::new(env!("CARGO_BIN_EXE_scx_photon"))
            .args(["games", "--config"])
            .arg(&file)
            .output()
            .unwrap();
        assert_eq!(out.status.code(), Some(code), "{out:?}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_example_of_a_configuration_is_one() {
    let out = Command::new(env!("CARGO_BIN_EXE_scx_photon"))
        .args(["games", "--config"])
        .arg(root().join("dist/examples/scx_photon.toml"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{out:?}");
}

/// scx_loader's modes are flags that scx_photon takes.
#[test]
fn the_modes_of_scx_loader_are_flags() {
    let config: toml::Table = read("dist/scx_loader/config.toml").parse().unwrap();
    let modes = config["scheds"]["scx_photon"].as_table().unwrap();
    assert_eq!(modes.len(), 5);
    for (mode, flags) in modes {
        let flags: Vec<&str> = flags
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f.as_str().unwrap())
            .collect();
        let bad = parses(env!("CARGO_BIN_EXE_scx_photon"), &flags, mode);
        assert_eq!(bad, None);
    }
}

/// The words in backticks.
fn quoted(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|part| part.split('`').skip(1).step_by(2))
        .collect()
}

/// Looks like a file or directory of this tree.
fn is_path(word: &str) -> bool {
    const PLACES: &[&str] = &[
        "src/", "tests/", "xtask/", "bench/", "dist/", "docs/", "policy/", "mech/",
    ];
    let plain = word
        .chars()
        .all(|c| c.is_alphanumeric() || "/._-".contains(c));
    // NAME stands for one that somebody will choose.
    plain && PLACES.iter().any(|p| word.starts_with(p)) && !word.contains("NAME")
}

fn exists(word: &str) -> bool {
    let word = word.trim_end_matches('/');
    ["", "src/bpf"]
        .iter()
        .any(|dir| root().join(dir).join(word).exists())
}

#[test]
fn every_path_of_the_documents_exists() {
    assert!(
        is_path("src/cli.rs") && is_path("policy/link.h") && !is_path("src/bpf/probes/NAME.bpf.c")
    );
    assert!(exists("policy/link.h") && !exists("src/gone.rs"));
    let mut missing = Vec::new();
    let mut seen = 0;
    for document in ["README.md", "CONTRIBUTING.md", "docs/DESIGN.md"] {
        let text = read(document);
        for word in quoted(&text).into_iter().filter(|w| is_path(w)) {
            seen += 1;
            if !exists(word) {
                missing.push(format!("{document}: {word}"));
            }
        }
    }
    assert!(seen > 30, "{seen}");
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

/// How a scenario is written, at the beginning of the text.
fn scenario_at(text: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let name: String = text.chars().take_while(|c| is_name(*c)).collect();
    (!name.is_empty()).then_some(name)
}

/// Of every `cargo xtask vm [OPTIONS] -- NAME`, wherever a line breaks in it, and of every "scenario `NAME`".
fn scenarios(text: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let commands = text.split("cargo xtask vm").skip(1).filter_map(|rest| {
        let command = rest.split(['`', '#']).next()?;
        scenario_at(command.split_once(" -- ")?.1)
    });
    let named = text.split("scenario `").skip(1).filter_map(scenario_at);
    commands.chain(named).collect()
}

#[test]
fn every_scenario_of_the_documents_exists() {
    let sample = "`cargo xtask\n  vm --smp 8,sockets=2 --\n  gone --x` and `cargo xtask vm -- a_b2`, `cargo xtask vm --`: \
                  scenario `c`; `cargo xtask vm -- SCENARIO`";
    assert_eq!(scenarios(sample), ["gone", "a_b2", "c"]);
    let known = read("tests/vm/src/scenario.rs");
    for (document, least) in [
        ("README.md", 3),
        ("CONTRIBUTING.md", 1),
        ("docs/DESIGN.md", 25),
    ] {
        let found = scenarios(&read(document));
        assert!(found.len() >= least, "{document}: only {found:?}");
        for name in found {
            assert!(
                known.contains(&format!("(\"{name}\", ")),
                "{document}: {name}"
            );
        }
    }
}
