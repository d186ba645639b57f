// SPDX-License-Identifier: GPL-2.0-only
//! The table of process trees, `tests/fixtures/trees/*.toml`: who plays in each,
//! and why. Written after what Steam, Proton, Lutris and Heroic start; a tree of a
//! real machine has the same form (`scx_photon games --json`).

use serde::Deserialize;

use super::decide::decide;
use super::rules::Rule;
use super::tree::Proc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    /// 0: nobody plays.
    game: u32,
    members: Vec<u32>,
    expect: Vec<Expect>,
    #[serde(default)]
    rules: Vec<Rule>,
    procs: Vec<Proc>,
}

#[derive(Deserialize)]
struct Expect {
    pid: u32,
    role: String,
    why: String,
}

fn fixtures() -> Vec<(String, Fixture)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/trees");
    let files = std::fs::read_dir(dir).expect(dir);
    files
        .map(|file| {
            let path = file.expect(dir).path();
            let text = std::fs::read_to_string(&path).expect("a readable fixture");
            let name = path.display().to_string();
            let fixture = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, fixture)
        })
        .collect()
}

#[test]
fn every_tree_is_decided_as_the_table_says() {
    let all = fixtures();
    assert!(all.len() >= 30, "{} fixtures", all.len());
    for (name, fixture) in all {
        let got = decide(&fixture.procs, &fixture.rules);
        assert_eq!(got.game.unwrap_or(0), fixture.game, "{name}: {got:#?}");
        assert_eq!(got.members, fixture.members, "{name}: {got:#?}");
        for e in &fixture.expect {
            let verdict = got.verdicts.iter().find(|v| v.pid == e.pid);
            let verdict = verdict.unwrap_or_else(|| panic!("{name}: nothing said of {}", e.pid));
            assert_eq!(
                format!("{:?}", verdict.role).to_lowercase(),
                e.role,
                "{name}: {verdict:?}"
            );
            assert!(
                verdict.why.contains(&e.why),
                "{name}: {verdict:?}, not {:?}",
                e.why
            );
        }
    }
}

/// The order in which processes are listed means nothing, and losing the
/// measurements makes no game out of what is none.
#[test]
fn decisions_depend_on_evidence_alone() {
    for (name, fixture) in fixtures() {
        let mut procs = fixture.procs.clone();
        procs.reverse();
        let got = decide(&procs, &fixture.rules);
        assert_eq!(got.game.unwrap_or(0), fixture.game, "{name}, reversed");
        for p in &mut procs {
            p.seen.faces = false;
            p.seen.submits = 0.0;
        }
        let blind = decide(&procs, &fixture.rules);
        if fixture.game == 0 {
            assert_eq!(blind.game, None, "{name}, blind");
        }
    }
}
