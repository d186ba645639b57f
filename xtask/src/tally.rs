// SPDX-License-Identifier: GPL-2.0-only
//! Counts results and prints them, one line a test and one plain line at the end.

use std::process::ExitCode;

#[derive(Default)]
pub struct Tally {
    passed: usize,
    failures: Vec<String>,
    skipped: usize,
    broken: Vec<String>,
    again: Vec<String>,
}

impl Tally {
    pub fn pass(&mut self, name: &str, detail: &str) {
        self.passed += 1;
        println!("PASS {name}{}", after(detail));
    }

    pub fn fail(&mut self, name: &str, reason: &str) {
        println!("FAIL {name}{}", after(reason));
        self.failures.push(format!("{name}{}", after(reason)));
    }

    pub fn skip(&mut self, name: &str, reason: &str) {
        self.skipped += 1;
        println!("SKIP {name}{}", after(reason));
    }

    /// Something the tests stand on did not hold. Never counted as a test, never forgotten.
    pub fn infrastructure(&mut self, reason: &str) {
        println!("INFRASTRUCTURE {reason}");
        self.broken.push(reason.to_string());
    }

    /// What had to be done twice by no fault of what is tested. Not counted, and said at the end.
    pub fn again(&mut self, name: &str, reason: &str) {
        println!("AGAIN {name}{}", after(reason));
        self.again.push(format!("{name}{}", after(reason)));
    }

    /// Results counted by another runner, which printed them itself.
    pub fn add(&mut self, passed: usize, skipped: usize) {
        self.passed += passed;
        self.skipped += skipped;
    }

    /// One of those counted as passed was none.
    pub fn untested(&mut self, name: &str, reason: &str) {
        self.passed = self.passed.saturating_sub(1);
        self.skip(name, reason);
    }

    /// Nothing counted is no pass: the name was misspelt.
    pub fn require_any(&mut self, only: &str) {
        let counted = self.passed + self.failures.len() + self.skipped + self.broken.len();
        if counted == 0 {
            self.infrastructure(&format!(
                "no test's name contains `{only}`; without --only every test runs and its name is shown"
            ));
        }
    }

    fn last_line(&self) -> String {
        let counted = format!("{} passed, {} failed", self.passed, self.failures.len());
        if self.skipped == 0 {
            counted
        } else {
            format!("{counted}, {} skipped", self.skipped)
        }
    }

    /// Prints what went wrong once more, then the last line.
    pub fn finish(&self) -> ExitCode {
        println!();
        self.again.iter().for_each(|a| println!("AGAIN {a}"));
        self.failures.iter().for_each(|f| println!("FAIL {f}"));
        self.broken
            .iter()
            .for_each(|b| println!("INFRASTRUCTURE {b}"));
        println!("{}", self.last_line());
        self.code()
    }

    fn code(&self) -> ExitCode {
        if !self.failures.is_empty() {
            ExitCode::FAILURE
        } else if !self.broken.is_empty() {
            ExitCode::from(crate::EXIT_INFRASTRUCTURE)
        } else {
            ExitCode::SUCCESS
        }
    }
}

fn after(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_line_names_skips_only_if_any() {
        let mut tally = Tally::default();
        tally.add(3, 0);
        assert_eq!(tally.last_line(), "3 passed, 0 failed");
        tally.skip("a", "no device");
        tally.fail("b", "late");
        assert_eq!(tally.last_line(), "3 passed, 1 failed, 1 skipped");
        tally.untested("c", "no root");
        assert_eq!(tally.last_line(), "2 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn a_name_that_no_test_has_is_no_pass() {
        let mut tally = Tally::default();
        tally.require_any("typo");
        assert_eq!(tally.code(), ExitCode::from(crate::EXIT_INFRASTRUCTURE));
        assert!(tally.broken[0].contains("`typo`"), "{:?}", tally.broken);
        let mut tally = Tally::default();
        tally.pass("a", "");
        tally.require_any("a");
        assert_eq!(tally.code(), ExitCode::SUCCESS);
    }
}
