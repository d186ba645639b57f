// SPDX-License-Identifier: GPL-2.0-only
//! The whole root file system of a test machine: our binaries, the libraries they name, modules, the job list.

use crate::artifacts::Artifacts;
use crate::cpio::Cpio;
use crate::guest::Job;
use crate::kernel::Kernel;
use crate::shell;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Builds the archive. Jobs go in as one JSON object a line.
pub fn build(
    kernel: &Kernel,
    artifacts: &Artifacts,
    display: bool,
    jobs: &[Job],
) -> Result<Vec<u8>> {
    let mut cpio = Cpio::default();
    add(&mut cpio, "/init", &artifacts.guest)?;
    add(&mut cpio, "/bin/photon-bench", &artifacts.bench)?;
    add(&mut cpio, "/bin/scx_photon", &artifacts.scx_photon)?;
    if let Some(twin) = &artifacts.sabotage {
        add(&mut cpio, "/bin/scx_photon-sabotage", twin)?;
    }
    for library in libraries(&artifacts.scx_photon)? {
        add(&mut cpio, &library, Path::new(&library))?;
    }
    add_modules(&mut cpio, "/etc/modules.list", &kernel.modules)?;
    add_modules(&mut cpio, "/etc/modules.later", &kernel.later_modules)?;
    if display {
        add_modules(&mut cpio, "/etc/modules.display", &kernel.display_modules)?;
    }
    let lines: Result<Vec<String>, _> = jobs.iter().map(serde_json::to_string).collect();
    cpio.file(
        "/etc/photon-jobs",
        (lines?.join("\n") + "\n").as_bytes(),
        false,
    );
    Ok(cpio.finish())
}

fn add(cpio: &mut Cpio, place: &str, source: &Path) -> Result<()> {
    let data = std::fs::read(source).with_context(|| source.display().to_string())?;
    cpio.file(place, &data, true);
    Ok(())
}

/// The modules, and a list of them in the order to load them.
fn add_modules(cpio: &mut Cpio, list: &str, modules: &[PathBuf]) -> Result<()> {
    let mut places = String::new();
    for module in modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        let place = format!("/lib/modules/{name}");
        add(cpio, &place, module)?;
        places.push_str(&format!("{place}\n"));
    }
    cpio.file(list, places.as_bytes(), false);
    Ok(())
}

/// The loader and the shared libraries of a program, at the paths it looks for them.
fn libraries(program: &Path) -> Result<Vec<String>> {
    let out = Command::new("ldd").arg(program).output().context("ldd")?;
    let text = String::from_utf8_lossy(&out.stdout);
    if !out.status.success() {
        // Its way of saying that a program is static.
        if text.contains("not a dynamic")
            || String::from_utf8_lossy(&out.stderr).contains("not a dynamic")
        {
            return Ok(Vec::new());
        }
        bail!(
            "`{}` failed: {text}",
            shell::words(Command::new("ldd").arg(program))
        );
    }
    parse_ldd(&text)
}

/// Lines of `name => /path (address)`, `/path (address)`, or `linux-vdso...`, which is no file.
fn parse_ldd(text: &str) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.contains("=> not found") {
            bail!("a library is missing: {line}");
        }
        let target = line.split_once("=> ").map_or(line, |(_, path)| path);
        let path = target.split(' ').next().unwrap_or_default();
        if path.starts_with('/') {
            paths.push(path.to_string());
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ldd_lines() {
        let text = "\tlinux-vdso.so.1 (0x1)\n\tlibelf.so.1 => /lib/x86_64-linux-gnu/libelf.so.1 (0x2)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x3)\n";
        assert_eq!(
            parse_ldd(text).unwrap(),
            [
                "/lib/x86_64-linux-gnu/libelf.so.1",
                "/lib64/ld-linux-x86-64.so.2"
            ]
        );
        assert!(parse_ldd("\tlibz.so.1 => not found\n").is_err());
    }
}
