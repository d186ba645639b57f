// SPDX-License-Identifier: GPL-2.0-only
//! A Debian system with systemd as an initramfs: made once by mmdebstrap out of this machine's archive, kept as a tar.

use crate::archive::{Archive, System};
use crate::cpio::Cpio;
use crate::{paths, shell};
use anyhow::{Context, Result, bail};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the packages need, init itself, and the reader of the .rpm.
const INCLUDE: &str = "systemd-sysv,libelf1,init-system-helpers,procps,rpm";
/// Pages of other programs only make the image larger.
const LEFT_OUT: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
];
/// The release of the test kernels, for a machine that is no Debian.
const FALLBACK_SUITE: &str = "trixie";
const MODE_BITS: u32 = 0o7777;

/// The tar of the system; made when there is none.
pub fn obtain(system: &System, archive: &Archive) -> Result<PathBuf> {
    // A program built here runs on the release that this machine runs.
    let suite = match system.id.as_str() {
        "debian" if !system.codename.is_empty() => system.codename.as_str(),
        _ => FALLBACK_SUITE,
    };
    let tar = paths::cache("systemd")?.join(format!("{suite}.tar"));
    if tar.exists() {
        return Ok(tar);
    }
    if !shell::found("mmdebstrap") {
        bail!("needed: mmdebstrap; install it with: sudo apt-get install mmdebstrap");
    }
    shell::step(&format!(
        "making a Debian {suite} with systemd (once, a minute or two)"
    ));
    let signed_by = archive.signed_by.as_deref();
    let option = signed_by.map_or(String::new(), |key| format!("[signed-by={key}] "));
    let partial = tar.with_extension("partial.tar");
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--variant=apt", "--include", INCLUDE]);
    for path in LEFT_OUT {
        command.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    command.arg(suite).arg(&partial);
    command.arg(format!("deb {option}{} {suite} main", archive.uri));
    shell::run(&mut command)?;
    std::fs::rename(&partial, &tar)?;
    Ok(tar)
}

/// The system with our files over it.
pub fn initramfs(tar: &Path, ours: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let file = std::fs::File::open(tar).with_context(|| tar.display().to_string())?;
    let mut cpio = Cpio::default();
    for entry in tar::Archive::new(std::io::BufReader::new(file)).entries()? {
        add(&mut cpio, &mut entry?)?;
    }
    for (path, data) in ours {
        cpio.file(path, data, true);
    }
    Ok(cpio.finish())
}

/// Everything belongs to root: of what is tested nothing asks for another owner. Device files are the kernel's.
fn add(cpio: &mut Cpio, entry: &mut tar::Entry<impl Read>) -> Result<()> {
    let path = entry
        .path()?
        .to_string_lossy()
        .trim_start_matches("./")
        .trim_end_matches('/')
        .to_string();
    let mode = entry.header().mode()? & MODE_BITS;
    let target = entry.link_name()?.map(|t| t.to_string_lossy().into_owned());
    match (entry.header().entry_type(), target) {
        _ if path.is_empty() => {}
        (tar::EntryType::Directory, _) => cpio.directory(&path, mode),
        (tar::EntryType::Symlink, Some(target)) => cpio.symlink(&path, &target),
        // A second name: as good as the file itself here.
        (tar::EntryType::Link, Some(target)) => {
            cpio.symlink(&path, &format!("/{}", target.trim_start_matches("./")));
        }
        (tar::EntryType::Regular, _) => {
            let mut data = Vec::new();
            entry.read_to_end(&mut data)?;
            cpio.plain(&path, mode, &data);
        }
        _ => {}
    }
    Ok(())
}
