// SPDX-License-Identifier: GPL-2.0-only
//! Which kernel this is, for what the scheduler does in another way on older ones.

use crate::scenario::Fail;

/// From here on a task may be taken from behind a real-time one, so that it need not be queued anew each time.
pub const TAKES_BACK: [u32; 2] = [7, 1];

pub fn is_before(wanted: [u32; 2]) -> Result<bool, Fail> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let series = series(&release);
    let series = series.ok_or_else(|| Fail::failed(format!("no kernel release: {release}")))?;
    Ok(series < wanted)
}

/// 7 and 3 of `7.3.4+deb13-amd64`.
fn series(release: &str) -> Option<[u32; 2]> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some([numbers.next()?.ok()?, numbers.next()?.ok()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_number() {
        assert_eq!(series("7.3.4+deb13-amd64\n"), Some([7, 3]));
        assert_eq!(series("6.18-rc1"), Some([6, 18]));
        assert!(series("6.18.15") < Some(TAKES_BACK) && series("7.1") >= Some(TAKES_BACK));
        assert_eq!(series("next"), None);
    }
}
