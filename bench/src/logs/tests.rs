// SPDX-License-Identifier: GPL-2.0-only
//! A corpus of small hand-made logs in `bench/tests/logs`, whole and broken, and what happens to
//! them when bytes are cut off or changed.

use super::*;
use crate::rng::Stream;
use std::time::{Duration, Instant};

/// In every log of the corpus that is whole.
const TIMES: [f64; 12] = [
    16.6, 16.7, 16.5, 16.8, 33.4, 16.6, 16.7, 16.6, 8.2, 16.9, 16.6, 50.1,
];
/// File, line if one is to be named, words of the complaint.
const BROKEN: &[(&str, Option<usize>, &str)] = &[
    ("blank.csv", None, "empty"),
    ("capframex_cut.json", Some(56), "cut off"),
    ("capframex_negative.json", Some(25), "`-33.4` is no time"),
    ("capframex_no_runs.json", None, "without runs"),
    ("capframex_null.json", Some(25), "invalid type: null"),
    ("cut_before_columns.csv", Some(2), "before its columns"),
    ("cut_in_elapsed.csv", Some(15), "elapsed does not grow"),
    ("cut_in_row.csv", Some(15), "3 of 16 columns: cut off"),
    ("decimal_comma.csv", Some(7), "more values than names"),
    ("empty.csv", None, "empty"),
    ("game_summary_given.csv", Some(1), "MangoHud's summary"),
    ("infinite.csv", Some(7), "frametime: `inf` is no time"),
    ("letters.csv", Some(7), "frametime: `abc` is no time"),
    ("negative.csv", Some(7), "frametime: `-16.8` is no time"),
    ("no_fps.csv", Some(8), "before its columns"),
    ("not_text.csv", Some(3), "UTF-8"),
    ("only_columns.csv", Some(3), "no frames below this line"),
    ("other.csv", Some(1), "begins like this"),
    ("other.json", Some(1), "missing field `Runs`"),
    ("presentmon_all_absent.csv", None, "no frames"),
    ("presentmon_cut.csv", Some(3), "12 of 15 columns: cut off"),
    ("samples.csv", Some(15), "log_interval=0"),
    ("two_logs.csv", Some(16), "another log begins here"),
    ("units.csv", Some(4), "do not agree"),
];

fn corpus(kind: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/logs")
        .join(kind);
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files
}

fn name(file: &Path) -> String {
    file.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_format_gives_the_same_frames() {
    let files = corpus("good");
    assert_eq!(files.len(), 7);
    for file in &files {
        let runs = read(file).unwrap();
        for (run, number) in runs.iter().zip(1..) {
            let mut times = run.times.clone();
            if number == 2 {
                times.reverse();
            }
            assert_eq!(times, TIMES, "{}", run.source);
        }
    }
    let find = |wanted: &str| read(files.iter().find(|f| name(f) == wanted).unwrap()).unwrap();
    let capframex = find("capframex.json");
    let sources: Vec<&str> = capframex.iter().map(|r| r.source.as_str()).collect();
    assert_eq!(sources, ["capframex.json run 1", "capframex.json run 2"]);
    let present = &find("presentmon1.csv")[0];
    assert_eq!(present.about["application"], "game.exe");
    assert!(
        present.notes[0].starts_with("3 rows of other"),
        "{:?}",
        present.notes
    );
    assert_eq!(find("mangohud.csv")[0].about["cpuscheduler"], "performance");
    assert_eq!(find("mangohud_versioned.csv")[0].about["kernel"], "7.3.4");
}

#[test]
fn broken_logs_are_named_with_their_line() {
    let files = corpus("bad");
    let names: Vec<String> = files.iter().map(|f| name(f)).collect();
    let expected: Vec<&str> = BROKEN.iter().map(|b| b.0).collect();
    assert_eq!(names, expected);
    for (file, (_, line, words)) in files.iter().zip(BROKEN) {
        let error = read(file).unwrap_err();
        assert!(error.what.contains(words), "{error}");
        assert_eq!(error.line, *line, "{error}");
        let text = error.to_string();
        assert!(!text.contains('\n') && text.contains(&name(file)), "{text}");
    }
}

#[test]
fn directories_are_read_without_summaries() {
    let dir = std::env::temp_dir().join(format!("photon-logs-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    assert!(read(&dir).unwrap_err().to_string().contains("no .csv"));
    let log = std::fs::read_to_string(&corpus("good")[2]).unwrap();
    for file in ["b.csv", "a.csv"] {
        std::fs::write(dir.join(file), &log).unwrap();
    }
    std::fs::write(dir.join("a_summary.csv"), "0.1% Min FPS,1% Min FPS\n").unwrap();
    let runs = read(&dir).unwrap();
    let sources: Vec<&str> = runs.iter().map(|r| r.source.as_str()).collect();
    assert_eq!(sources, ["a.csv", "b.csv"]);
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(read(&dir).unwrap_err().to_string().contains("No such file"));
    assert!(
        read(Path::new("/dev/zero"))
            .unwrap_err()
            .to_string()
            .contains("not a file")
    );
}

/// Never a panic; a log or one line that names a line there is.
fn check(bytes: &[u8], what: &str) -> Option<Vec<Run>> {
    let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
    match decode(bytes).and_then(|text| parse(&text)) {
        Ok(runs) => {
            for time in runs.iter().flat_map(|r| &r.times) {
                assert!(time.is_finite() && *time >= 0.0, "{what}: {time}");
            }
            Some(runs)
        }
        Err(fault) => {
            assert!(!fault.what.contains(['\n', '\r']), "{what}: {}", fault.what);
            let named = fault.line.unwrap_or(1);
            assert!(
                (1..=lines).contains(&named),
                "{what}: line {named} of {lines}"
            );
            None
        }
    }
}

#[test]
fn a_log_cut_anywhere_is_refused_or_shorter() {
    for file in corpus("good") {
        let whole = std::fs::read(&file).unwrap();
        let original = check(&whole, &name(&file)).unwrap();
        for end in 0..whole.len() {
            let what = format!("{} cut at {end}", name(&file));
            for (run, full) in check(&whole[..end], &what).iter().flatten().zip(&original) {
                assert!(full.times.starts_with(&run.times), "{what}");
            }
        }
    }
}

/// FUZZ_SECONDS=600 goes on for ten minutes.
#[test]
fn a_log_with_changed_bytes_is_refused_or_sound() {
    const ROUNDS: u64 = 400;
    let seconds = std::env::var("FUZZ_SECONDS").map_or(0, |s| s.parse().unwrap());
    let time = Duration::from_secs(seconds);
    let (begin, mut executions) = (Instant::now(), 0u64);
    for seed in 1.. {
        for file in corpus("good").iter().chain(&corpus("bad")) {
            let original = std::fs::read(file).unwrap();
            let stream = Stream::new(seed, &name(file), 0);
            for round in 0..ROUNDS {
                let what = format!("{} seed {seed} round {round}", name(file));
                check(&changed(&original, &stream, round), &what);
                executions += 1;
            }
        }
        if begin.elapsed() >= time {
            break;
        }
    }
    println!("logs: {executions} executions in {seconds} s");
}

fn changed(original: &[u8], stream: &Stream, round: u64) -> Vec<u8> {
    /// Bytes that mean something to the parsers, among any others.
    const TELLING: &[u8] = b",\n\r-.0e{}[]\":/ ";
    let mut bytes = original.to_vec();
    for change in 0..=round % 4 {
        let last = bytes.len() as u64;
        let at = stream.range(round, 4 * change, 0, last) as usize;
        let pick = stream.bits(round, 4 * change + 1) as usize;
        let telling = TELLING[pick % TELLING.len()];
        let byte = if pick.is_multiple_of(3) {
            pick as u8
        } else {
            telling
        };
        match stream.range(round, 4 * change + 2, 0, 2) {
            _ if at == bytes.len() => bytes.push(byte),
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
    }
    bytes
}
