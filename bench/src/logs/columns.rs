// SPDX-License-Identifier: GPL-2.0-only
//! Lines of values under a line of names. Neither MangoHud nor PresentMon quotes anything, so a
//! comma always separates.

use super::Fault;

/// PresentMon's word for what it could not measure.
const ABSENT: &str = "NA";

/// The rows below the line of names.
pub struct Table<'a> {
    names: Vec<String>,
    pub rows: Vec<Row<'a>>,
}

pub struct Row<'a> {
    /// In the file, from 1.
    pub line: usize,
    fields: Vec<&'a str>,
    /// The last line may end in the middle of its last number.
    ended: bool,
}

/// Where a column is, and what it is called.
#[derive(Clone, Copy)]
pub struct Column<'a> {
    name: &'a str,
    at: usize,
}

/// Names compare without case: they changed it between versions.
pub fn names_of(line: &str) -> Vec<String> {
    line.split(',')
        .map(|n| n.trim().to_ascii_lowercase())
        .collect()
}

impl<'a> Table<'a> {
    /// `header` is the number of the line of names, from 0.
    pub fn below(text: &'a str, header: usize) -> Result<Table<'a>, Fault> {
        let mut lines = text.lines().zip(1..).skip(header);
        let names = lines.next().map_or(Vec::new(), |(line, _)| names_of(line));
        let mut rows = Vec::new();
        let last = text.lines().count();
        for (line, number) in lines.filter(|(line, _)| !line.trim().is_empty()) {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            if fields.len() != names.len() {
                let (got, wanted) = (fields.len(), names.len());
                let what = match got < wanted {
                    true => "cut off, or another log begins here",
                    false => "more values than names",
                };
                return Err(Fault::at(
                    number,
                    format!("{got} of {wanted} columns: {what}"),
                ));
            }
            rows.push(Row {
                line: number,
                fields,
                ended: number < last || text.ends_with('\n'),
            });
        }
        match rows.is_empty() {
            true => Err(Fault::at(header + 1, "no frames below this line")),
            false => Ok(Table { names, rows }),
        }
    }

    /// The first of these columns there is.
    pub fn column<'n>(&self, wanted: &[&'n str]) -> Option<Column<'n>> {
        wanted.iter().find_map(|name| {
            let at = self.names.iter().position(|n| n == name)?;
            Some(Column { name, at })
        })
    }
}

impl<'a> Row<'a> {
    pub fn text(&self, column: Column) -> &'a str {
        self.fields[column.at]
    }

    /// A number that can be a time or a rate.
    pub fn number(&self, column: Column) -> Result<f64, Fault> {
        let field = self.text(column);
        if !self.ended && column.at + 1 == self.fields.len() {
            return Err(Fault::at(
                self.line,
                "no end of line: cut off in this number?",
            ));
        }
        match field.parse::<f64>() {
            Ok(value) if value.is_finite() && value >= 0.0 => Ok(value),
            _ => Err(Fault::at(
                self.line,
                format!("{}: `{}` is no time", column.name, shortened(field)),
            )),
        }
    }

    /// The same where the tool may say that it does not know.
    pub fn known(&self, column: Column) -> Result<Option<f64>, Fault> {
        match self.text(column).eq_ignore_ascii_case(ABSENT) {
            true => Ok(None),
            false => self.number(column).map(Some),
        }
    }
}

/// For a message of one line.
fn shortened(field: &str) -> String {
    const MOST: usize = 20;
    field
        .chars()
        .filter(|c| !c.is_control())
        .take(MOST)
        .collect()
}
