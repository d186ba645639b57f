// SPDX-License-Identifier: GPL-2.0-only
//! scx_photon as scx_loader starts it: in the sandbox of that unit, which is not ours.

use super::package::{LIMIT, attached, said, status_of, stopped};
use crate::scenario::{Ctx, Fail};

/// What scx_loader's unit allows its children, by sched-ext/scx-loader's `services/scx_loader.service`, as far as
/// systemd 252 knows it.
const LOADERS_SANDBOX: &[&str] = &[
    "KillSignal=SIGINT",
    "ProtectSystem=full",
    "ProtectHome=true",
    "PrivateTmp=true",
    "PrivateDevices=true",
    "PrivateMounts=true",
    "ProtectKernelTunables=true",
    "ProtectKernelModules=true",
    "ProtectKernelLogs=true",
    "ProtectControlGroups=true",
    "LockPersonality=true",
    "RestrictRealtime=true",
    "ProtectClock=true",
    "MemoryDenyWriteExecute=true",
    "RestrictAddressFamilies=AF_UNIX",
    "CapabilityBoundingSet=~CAP_CHOWN CAP_IPC_LOCK CAP_MKNOD CAP_NET_RAW CAP_SYS_CHROOT CAP_SYS_MODULE CAP_SYS_PTRACE CAP_SYSLOG",
    "SystemCallFilter=~@aio @chown @clock @debug @keyring @memlock @module @mount @raw-io @sandbox @setuid @swap @sync @timer",
    "SystemCallErrorNumber=EPERM",
];
const LOADERS_UNIT: &str = "as-loaders-child";

/// Attached, seen by everybody, nothing that it misses, and gone again.
pub fn as_loaders_child(ctx: &Ctx, program: &str) -> Result<(), Fail> {
    let mut start = vec!["--unit", LOADERS_UNIT];
    let properties = LOADERS_SANDBOX.iter().flat_map(|p| ["--property", *p]);
    start.extend(properties.chain([program]));
    said("systemd-run", &start)?;
    attached(LIMIT)?;
    ctx.log(format!("as scx_loader's child: {}", status_of(program)?));
    said("systemctl", &["stop", LOADERS_UNIT])?;
    let journal = said("journalctl", &["--no-pager", "--unit", LOADERS_UNIT])?;
    if journal.contains("WARN") || !journal.contains("stopped on request") {
        return Err(Fail::failed(format!("in scx_loader's sandbox: {journal}")));
    }
    stopped("scx_loader's sandbox")
}
