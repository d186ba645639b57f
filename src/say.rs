// SPDX-License-Identifier: GPL-2.0-only
//! What a command says to standard output. A disk that is full is an error with one line and an exit code; `println!`
//! would panic.

use std::fmt::Display;
use std::io::{Write, stdout};

use anyhow::{Context, Result};

pub fn line(what: impl Display) -> Result<()> {
    text(format_args!("{what}\n"))
}

/// With the ends of lines that are in it.
pub fn text(what: impl Display) -> Result<()> {
    let mut out = stdout().lock();
    let said = write!(out, "{what}").and_then(|()| out.flush());
    said.context("cannot write to standard output")
}
