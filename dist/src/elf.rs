// SPDX-License-Identifier: GPL-2.0-only
//! The oldest C library a program runs with, from the symbol versions it names.

const TAG: &[u8] = b"GLIBC_";

/// Such as `(2, 34)`; none for a static program.
pub fn newest_glibc(program: &[u8]) -> Option<(u32, u32)> {
    let starts = program.windows(TAG.len()).enumerate();
    let versions = starts
        .filter(|(_, window)| *window == TAG)
        .filter_map(|(at, _)| version(&program[at + TAG.len()..]));
    versions.max()
}

fn version(bytes: &[u8]) -> Option<(u32, u32)> {
    let end = bytes.iter().position(|b| *b == 0)?;
    let text = std::str::from_utf8(&bytes[..end]).ok()?;
    let (major, rest) = text.split_once('.')?;
    let minor = rest.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_counts() {
        let program = b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.2.5\0GLIBC_PRIVATE\0GLIBC_9";
        assert_eq!(newest_glibc(program), Some((2, 34)));
        assert_eq!(newest_glibc(b"no versions"), None);
    }
}
