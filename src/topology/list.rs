// SPDX-License-Identifier: GPL-2.0-only
//! Lists of CPUs as the kernel and people write them: `0-3,8`.

use super::MAX_CPUS;

/// Reads a list. The error says which part is wrong, and why.
pub fn parse(text: &str) -> Result<Vec<usize>, String> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (number(first, part)?, number(last, part)?);
        if last < first {
            return Err(format!("{part} is no range: its end comes first"));
        }
        cpus.extend(first..=last);
    }
    cpus.sort_unstable();
    cpus.dedup();
    Ok(cpus)
}

fn number(text: &str, part: &str) -> Result<usize, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(cpu) if digits && cpu < MAX_CPUS => Ok(cpu),
        Ok(cpu) if digits => Err(format!(
            "no CPU {cpu}: CPUs are numbered from 0 to {}",
            MAX_CPUS - 1
        )),
        _ => Err(format!("{part:?} is no CPU and no range, as in 0-3,8")),
    }
}

/// Writes one, in the order given: a run of numbers becomes a range.
pub fn show(cpus: &[usize]) -> String {
    let runs = cpus.chunk_by(|a, b| *b == a + 1);
    let run = |run: &[usize]| match run {
        [] => String::new(),
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
    };
    runs.map(run).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written() {
        assert_eq!(parse("0-3,8"), Ok(vec![0, 1, 2, 3, 8]));
        assert_eq!(parse("2, 1,1-2"), Ok(vec![1, 2]));
        assert_eq!(show(&[0, 1, 2, 3, 8]), "0-3,8");
        assert_eq!(show(&[8, 0, 1]), "8,0-1");
        assert_eq!(show(&[]), "");
    }

    #[test]
    fn bad_lists_say_what_is_wrong() {
        for (text, why) in [
            ("", "is no CPU"),
            ("x", "\"x\" is no CPU"),
            ("1,", "is no CPU"),
            ("+1", "is no CPU"),
            ("1-", "\"1-\" is no CPU"),
            ("3-1", "3-1 is no range"),
            ("0-512", "no CPU 512"),
            ("99999999999999999999", "is no CPU"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
