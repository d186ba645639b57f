// SPDX-License-Identifier: GPL-2.0-only
//! Parts of the README that commands write, each between two marks.

use crate::paths;
use anyhow::{Context, Result, bail};

const README: &str = "README.md";

/// Both with their line's end.
pub struct Marks {
    pub begin: &'static str,
    pub end: &'static str,
}

pub fn readme() -> Result<String> {
    std::fs::read_to_string(paths::root().join(README)).context(README)
}

impl Marks {
    /// Before, between and after the marks, without them.
    pub fn parts<'a>(&self, text: &'a str) -> Result<(&'a str, &'a str, &'a str)> {
        let missing = |mark: &str| format!("{README}: no `{}`", mark.trim());
        let (before, rest) = text
            .split_once(self.begin)
            .with_context(|| missing(self.begin))?;
        let (inside, after) = rest
            .split_once(self.end)
            .with_context(|| missing(self.end))?;
        if after.contains(self.begin) {
            bail!("{README}: `{}` is there twice", self.begin.trim());
        }
        Ok((before, inside, after))
    }

    /// Into the README, in place of what is there.
    pub fn write(&self, inside: &str) -> Result<()> {
        let text = readme()?;
        let (before, _, after) = self.parts(&text)?;
        let text = [before, self.begin, inside, self.end, after].concat();
        std::fs::write(paths::root().join(README), text).context(README)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found() {
        let marks = Marks {
            begin: "<b>\n",
            end: "<e>\n",
        };
        let text = "a\n<b>\nin\n<e>\nc\n";
        assert_eq!(marks.parts(text).unwrap(), ("a\n", "in\n", "c\n"));
        for wrong in ["a", "<b>\n", "<e>\n<b>\n", &text.repeat(2)] {
            assert!(marks.parts(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_readme_has_every_mark() {
        let text = readme().unwrap();
        for marks in [crate::matrix_table::MARKS, crate::bench::MARKS] {
            assert!(!marks.parts(&text).unwrap().1.is_empty());
        }
    }
}
