// SPDX-License-Identifier: GPL-2.0-only
//! Why a kernel that has sched_ext does not load the scheduler. libbpf tells its errno alone; a kernel built with an old
//! pahole is the usual cause and the hardest to guess.

use scx_utils::compat;

/// Where the file system of security modules is mounted, as it is everywhere.
const LOCKDOWN: &str = "/sys/kernel/security/lockdown";

pub fn of_load(err: &libbpf_rs::Error) -> String {
    let bad = compat::malformed_scx_kfuncs();
    if !bad.is_empty() {
        return format!(
            "its BTF is malformed, for every sched_ext scheduler ({}); the usual cause is a kernel built with pahole \
             older than 1.26; boot another kernel",
            bad.join(", ")
        );
    }
    if hides_its_memory(&std::fs::read_to_string(LOCKDOWN).unwrap_or_default()) {
        return "its lockdown is at \"confidentiality\", which lets no BPF program read kernel memory; boot with \
                lockdown=integrity, or without"
            .into();
    }
    format!("{err:#}; run with -vv for libbpf's log")
}

/// Of all modes the one in force stands in brackets.
fn hides_its_memory(modes: &str) -> bool {
    modes.contains("[confidentiality]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_mode_hides_memory() {
        assert!(hides_its_memory("none integrity [confidentiality]\n"));
        assert!(!hides_its_memory("none [integrity] confidentiality\n"));
        assert!(!hides_its_memory(""));
    }
}
