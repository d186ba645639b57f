// SPDX-License-Identifier: GPL-2.0-only
//! Whatever comes from outside, read in any shape: random bytes, and mutations of the samples in `tests/corpus/`. The
//! usual number of cases is small; `PROPTEST_CASES=10000000 cargo test --release fuzz` goes on for minutes.

use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::bpf::intf;
use crate::config::{Config, Profile};
use crate::ejection::Exit;
use crate::event::InputReport;
use crate::lane::Record;
use crate::server::unflatten;
use crate::tables::TUNABLES;
use crate::tuning::Layers;

/// The files of one kind; a corpus that is missing is a failure.
fn corpus(kind: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(kind);
    let entries = std::fs::read_dir(&dir).expect("a corpus");
    let mut files: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus in {}", dir.display());
    files
        .iter()
        .map(|f| std::fs::read(f).expect("reads"))
        .collect()
}

/// One change to a sample.
#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Double(Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(i, b)| Edit::Set(i, b)),
        any::<Index>().prop_map(Edit::Cut),
        (any::<Index>(), prop::collection::vec(any::<u8>(), 1..40))
            .prop_map(|(i, b)| Edit::Insert(i, b)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Double(a, b)),
    ]
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit) {
    let at = |i: &Index, bytes: &Vec<u8>| i.index(bytes.len() + 1);
    match edit {
        Edit::Set(i, value) => {
            let at = at(i, bytes);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = *value;
            }
        }
        Edit::Cut(i) => bytes.truncate(at(i, bytes)),
        Edit::Insert(i, more) => {
            let at = at(i, bytes);
            bytes.splice(at..at, more.iter().copied());
        }
        Edit::Double(a, b) => {
            let (a, b) = (at(a, bytes), at(b, bytes));
            let piece = bytes[a.min(b)..a.max(b)].to_vec();
            bytes.extend(piece);
        }
    }
}

/// Samples of a kind, each changed up to eight times, or bytes out of nowhere.
fn inputs(kind: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let changed = (
        prop::sample::select(corpus(kind)),
        prop::collection::vec(edit(), 0..8),
    );
    let changed = changed.prop_map(|(mut bytes, edits)| {
        edits.iter().for_each(|e| apply(&mut bytes, e));
        bytes
    });
    prop_oneof![4 => changed, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}

fn encode(report: &InputReport) -> Vec<u8> {
    let mut bytes = report.at_ns.to_ne_bytes().to_vec();
    bytes.extend(report.device.to_ne_bytes());
    bytes.extend(report.cpu.to_ne_bytes());
    bytes.extend([report.device_class, 0]);
    bytes
}

/// What a person or a program might assign: half of the names exist.
fn assignment() -> impl Strategy<Value = (String, String)> {
    let known = (0..TUNABLES.len()).prop_map(|i| TUNABLES[i].name.to_string());
    let name = prop_oneof![known, "[a-z_-]{0,20}"];
    (name, "[0-9]{1,21}|reset|[^0-9]{0,20}")
}

fn in_range(layers: &Layers) -> bool {
    let values = layers.values().0;
    let mut pairs = TUNABLES.iter().zip(values);
    pairs.all(|(t, v)| (t.min..=t.max).contains(&v))
}

proptest! {
    /// Whatever is typed, sent or written, the kernel part gets values in their ranges.
    #[test]
    fn tunables(file in inputs("config"), typed in prop::collection::vec(assignment(), 0..6)) {
        let text = String::from_utf8_lossy(&file).into_owned();
        let config = Config::parse(&text).unwrap_or_default();
        let mut layers = Layers::new(Default::default(), config, Profile::Auto);
        layers.play(Some(("quake", "quake")));
        prop_assert!(in_range(&layers));
        let before = layers.values();
        let all = typed.iter().map(|(n, v)| (n.as_str(), v.as_str()));
        if layers.set(all).is_err() {
            prop_assert_eq!(before, layers.values());
        }
        prop_assert!(in_range(&layers));
    }

    /// What is accepted is what the kernel part writes, bit for bit.
    #[test]
    fn events(bytes in inputs("event")) {
        let (words, rest) = bytes.as_chunks();
        let record = Record::try_from(words.iter().map(|w| u64::from_ne_bytes(*w)).collect::<Vec<_>>());
        if let (Ok(record), []) = (record, rest) && let Some(report) = InputReport::decode(&record) {
            prop_assert_eq!(encode(&report), bytes);
            prop_assert!(u32::from(report.cpu) < intf::consts_MAX_CPUS);
        }
    }

    /// A daemon that answers anything at all does not bring the monitor down.
    #[test]
    fn replies(bytes in inputs("reply")) {
        if let Ok(reply) = serde_json::from_slice(&bytes) {
            let _ = unflatten(&reply);
        }
    }

    /// The kernel's account of a stall, with names that users chose.
    #[test]
    fn ejections(dump in inputs("dump"), msg in inputs("stall"), kind in -1i32..2000) {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let exit = Exit {
            kind,
            reason: "runnable task stall".into(),
            msg: text(msg),
            dump: text(dump),
            ..Exit::default()
        };
        prop_assert!(!exit.text().chars().any(char::is_control));
        if let Some(holder) = exit.holder() {
            prop_assert!(!holder.chars().any(char::is_control), "{:?}", holder);
        }
    }
}
