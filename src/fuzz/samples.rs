// SPDX-License-Identifier: GPL-2.0-only
//! The samples in `tests/corpus/`, what becomes of them, and for how long.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseResult, TestRunner};

/// Names the seconds that each target is to be tried for; without it one round is enough.
const SECONDS: &str = "FUZZ_SECONDS";

/// Tries inputs until the time is over, and says how many. A failure is made small and kept by proptest.
pub fn explore<S: Strategy>(name: &str, inputs: S, check: impl Fn(S::Value) -> TestCaseResult) {
    let seconds = std::env::var(SECONDS).map_or(Ok(0), |s| s.parse());
    let time = Duration::from_secs(seconds.expect("a number of seconds"));
    let config = Config::with_source_file(file!());
    let (begin, mut executions) = (Instant::now(), 0);
    while executions == 0 || begin.elapsed() < time {
        let mut runner = TestRunner::new(config.clone());
        if let Err(e) = runner.run(&inputs, &check) {
            panic!("{name}, after {executions} executions: {e}");
        }
        executions += u64::from(config.cases);
    }
    eprintln!(
        "{name}: {executions} executions in {} s",
        begin.elapsed().as_secs()
    );
}

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
pub fn inputs(kind: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    changed(corpus(kind))
}

pub fn changed(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> + use<> {
    let changed = (
        prop::sample::select(samples),
        prop::collection::vec(edit(), 0..8),
    );
    let changed = changed.prop_map(|(mut bytes, edits)| {
        edits.iter().for_each(|e| apply(&mut bytes, e));
        bytes
    });
    prop_oneof![4 => changed, 1 => prop::collection::vec(any::<u8>(), 0..200)]
}
