// SPDX-License-Identifier: GPL-2.0-only
//! The ways scx_photon fails, each with its exit code. The text of a failure
//! says what is wrong and what to do; it becomes one line on stderr.

use std::fmt;

use crate::status;

/// A failure with a documented exit code. Anything else exits with 1.
#[derive(Debug)]
pub enum Failure {
    /// 2: what was typed does not fit this machine.
    Usage(String),
    /// 3: not root.
    Permission(String),
    /// 4: this kernel has no sched_ext.
    NoSchedExt,
    /// 5: this kernel has no BTF.
    NoBtf,
    /// 6: another sched_ext scheduler is attached.
    Busy(String),
    /// 7: the kernel refused to load or attach the scheduler.
    Load(String),
    /// 8: the kernel ejected the scheduler.
    Ejected(String),
    /// 9: a player's log cannot be used.
    Log(String),
    /// 10: it was ejected in this boot and stays off.
    Latched(String),
    /// 7: the machine is bigger than the scheduler's tables.
    TooBig(String),
    /// As the scx_photon that `bench` has started: its exit code, and what it said.
    OfChild(u8, String),
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Permission(_) => 3,
            Failure::NoSchedExt => 4,
            Failure::NoBtf => 5,
            Failure::Busy(_) => 6,
            Failure::Load(_) | Failure::TooBig(_) => 7,
            Failure::Ejected(_) => 8,
            Failure::Log(_) => 9,
            Failure::Latched(_) => 10,
            Failure::OfChild(code, _) => *code,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Permission(why) => write!(f, "{why}; run it as root, with sudo"),
            Failure::NoSchedExt => write!(
                f,
                "this kernel has no sched_ext; boot Linux 6.12 or newer built with CONFIG_SCHED_CLASS_EXT=y"
            ),
            Failure::NoBtf => write!(
                f,
                "this kernel has no BTF (/sys/kernel/btf/vmlinux); boot one built with CONFIG_DEBUG_INFO_BTF=y"
            ),
            Failure::Busy(name) if status::is_ours(name) => write!(
                f,
                "scx_photon runs already: {name} is attached; stop that one first (sudo systemctl stop scx_photon)"
            ),
            Failure::Busy(name) => write!(
                f,
                "another sched_ext scheduler is attached: {name}; stop it first (scxctl stop, or sudo systemctl stop scx)"
            ),
            Failure::Load(why) => write!(f, "the kernel refused the scheduler: {why}"),
            Failure::Ejected(why) => write!(
                f,
                "ejected by the kernel: {why}; the default scheduler is back, scx_photon stays off"
            ),
            Failure::Latched(why) => write!(
                f,
                "stays off, since the kernel ejected it in this boot: {why}; `sudo scx_photon --clear-latch` lets it start again"
            ),
            Failure::OfChild(_, said) => write!(f, "scx_photon under test has ended: {said}"),
            Failure::Log(why) | Failure::TooBig(why) | Failure::Usage(why) => write!(f, "{why}"),
        }
    }
}

impl std::error::Error for Failure {}

/// The exit code of an error, wherever in its chain the failure is.
pub fn exit_code(err: &anyhow::Error) -> u8 {
    err.chain()
        .find_map(|e| e.downcast_ref::<Failure>())
        .map_or(1, Failure::exit_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn code_is_found_under_context() {
        let err = Err::<(), _>(Failure::NoBtf)
            .context("starting")
            .expect_err("an error");
        assert_eq!(exit_code(&err), 5);
        assert_eq!(exit_code(&anyhow::anyhow!("other")), 1);
    }

    #[test]
    fn every_text_is_one_line() {
        let all = [
            Failure::Usage("x".into()),
            Failure::Permission("x".into()),
            Failure::NoSchedExt,
            Failure::NoBtf,
            Failure::Busy("x".into()),
            Failure::Load("x".into()),
            Failure::Ejected("x".into()),
            Failure::Latched("x".into()),
            Failure::Log("x".into()),
            Failure::TooBig("x".into()),
            Failure::OfChild(7, "x".into()),
        ];
        for f in all {
            assert!(!f.to_string().contains('\n'));
        }
    }
}
