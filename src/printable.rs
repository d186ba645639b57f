// SPDX-License-Identifier: GPL-2.0-only
//! Names that anybody may choose, on their way to a terminal or into the log.

/// The text without control characters: none begins a line of its own, or moves the cursor.
pub fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '?' } else { c };
    text.chars().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(printable("a\x1b[2Jb\n"), "a?[2Jb?");
        assert_eq!(printable("übel"), "übel");
    }
}
