// SPDX-License-Identifier: GPL-2.0-only
//! Whether /proc shows the daemon other processes. The mount option `hidepid` hides them from who is not in the group of
//! the option `gid`, root's unless it says another; `hidepid=ptraceable` also from that group. Only CAP_SYS_PTRACE sees
//! through it, which the daemon gives away: it opens the memory of every process.

use std::collections::HashMap;
use std::path::Path;

use procfs::process::Process;

/// The first process: always there, root's, and of more capabilities than the daemon keeps, so hidden if any is.
const INIT: i32 = 1;
const PROC: &str = "/proc";

/// Options of a mount, as /proc/self/mountinfo has them.
type Options = HashMap<String, Option<String>>;

/// What hides processes and what helps; None if they are seen. To be asked when capabilities have been given away.
pub fn complaint() -> Option<String> {
    let seen = Process::new(INIT).and_then(|init| init.stat());
    seen.is_err().then(|| explain(&options()))
}

/// Of the uppermost mount.
fn options() -> Options {
    let mounts = Process::myself().and_then(|me| me.mountinfo());
    let mut upwards = mounts.into_iter().flatten();
    let of_proc = upwards.rfind(|m| m.mount_point == Path::new(PROC));
    of_proc.map(|m| m.super_options).unwrap_or_default()
}

fn explain(options: &Options) -> String {
    let value = |key: &str| options.get(key).and_then(Option::as_deref);
    let gid = value("gid").unwrap_or("0");
    let (by, remedy) = match value("hidepid") {
        Some("ptraceable") => (
            "hidepid=ptraceable".to_string(),
            "mount it with hidepid=invisible, or ProtectProc=invisible if the unit has that".into(),
        ),
        Some(how) => (
            format!("hidepid={how}, gid={gid}"),
            format!("add SupplementaryGroups={gid} to the unit (`systemctl edit scx_photon`)"),
        ),
        None => (
            "not its mount options".into(),
            "let the system's security module allow reading /proc/PID/stat".into(),
        ),
    };
    format!("no game is found: {PROC} hides other processes ({by}); {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(options: &[(&str, &str)]) -> String {
        let option = |(key, value): &(&str, &str)| (key.to_string(), Some(value.to_string()));
        explain(&options.iter().map(option).collect())
    }

    #[test]
    fn each_way_to_hide_has_its_remedy() {
        let text = said(&[("hidepid", "invisible"), ("gid", "999")]);
        assert!(text.contains("SupplementaryGroups=999"), "{text}");
        let text = said(&[("hidepid", "noaccess")]);
        assert!(text.contains("SupplementaryGroups=0"), "{text}");
        // The group does not help there.
        let text = said(&[("hidepid", "ptraceable"), ("gid", "999")]);
        assert!(!text.contains("SupplementaryGroups"), "{text}");
        assert!(text.contains("hidepid=invisible"), "{text}");
        assert!(said(&[]).contains("not its mount options"));
    }
}
