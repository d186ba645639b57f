// SPDX-License-Identifier: GPL-2.0-only
//! Kernel modules out of an unpacked kernel package: which files, in which order.

use crate::shell;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the test machine needs: input devices made by programs and by the emulator, and the Windows
/// synchronisation objects that games under Wine wait on.
pub const WANTED: &[&str] = &["uinput", "evdev", "virtio_pci", "virtio_input", "ntsync"];

/// What a machine with a display needs besides; it is loaded by the test itself, which also looks at the machine without.
/// The second one is a GPU without hardware.
pub const DISPLAY: &[&str] = &["bochs", "vgem"];

/// What one scenario loads itself: a disk that is as slow as it is told to be, CPUs with frequencies.
pub const LATER: &[&str] = &["null_blk", "acpi_cpufreq"];

pub struct Loaded {
    /// Decompressed files, each after those it depends on.
    pub files: Vec<PathBuf>,
    /// The same for `DISPLAY`, without those above.
    pub display: Vec<PathBuf>,
    /// The same for `LATER`.
    pub later: Vec<PathBuf>,
    /// Built into the kernel or not part of it; the test that needs one finds out.
    pub absent: Vec<String>,
}

/// Copies the wanted modules and all they depend on from the tree at `from` to `into`, decompressed.
pub fn collect(from: &Path, into: &Path) -> Result<Loaded> {
    let mut tree = BTreeMap::new();
    // No tree: the archive no longer has this kernel's package of modules.
    if from.is_dir() {
        index(from, &mut tree)?;
    }
    std::fs::create_dir_all(into)?;
    let mut loaded = Loaded {
        files: Vec::new(),
        display: Vec::new(),
        later: Vec::new(),
        absent: Vec::new(),
    };
    for name in WANTED {
        add(name, &tree, into, &mut loaded)?;
    }
    let early = loaded.files.len();
    for name in DISPLAY {
        add(name, &tree, into, &mut loaded)?;
    }
    loaded.display = loaded.files.split_off(early);
    for name in LATER {
        add(name, &tree, into, &mut loaded)?;
    }
    loaded.later = loaded.files.split_off(early);
    Ok(loaded)
}

/// The kernel takes `-` and `_` in module names for the same.
fn module_name(file: &str) -> Option<String> {
    let (stem, _) = file.split_once(".ko")?;
    Some(stem.replace('-', "_"))
}

fn index(dir: &Path, tree: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries = std::fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    for entry in entries.flatten() {
        if entry.file_type()?.is_dir() {
            index(&entry.path(), tree)?;
        } else if let Some(name) = module_name(&entry.file_name().to_string_lossy()) {
            tree.insert(name, entry.path());
        }
    }
    Ok(())
}

fn add(
    name: &str,
    tree: &BTreeMap<String, PathBuf>,
    into: &Path,
    loaded: &mut Loaded,
) -> Result<()> {
    let target = into.join(format!("{name}.ko"));
    if loaded.files.contains(&target) || loaded.absent.iter().any(|a| a == name) {
        return Ok(());
    }
    let Some(source) = tree.get(name) else {
        loaded.absent.push(name.to_string());
        return Ok(());
    };
    let image = decompressed(source)?;
    for dependency in dependencies(&image) {
        add(&dependency, tree, into, loaded)?;
    }
    std::fs::write(&target, image)?;
    loaded.files.push(target);
    Ok(())
}

fn decompressed(file: &Path) -> Result<Vec<u8>> {
    let program = match file.extension().and_then(|e| e.to_str()) {
        Some("xz") => "xz",
        Some("zst") => "zstd",
        _ => return std::fs::read(file).with_context(|| file.display().to_string()),
    };
    let mut command = Command::new(program);
    command.arg("-dc").arg(file);
    let out = command.output().with_context(|| shell::words(&command))?;
    anyhow::ensure!(out.status.success(), "`{}` failed", shell::words(&command));
    Ok(out.stdout)
}

/// The module information section is a row of NUL-terminated `key=value`; one key lists the modules needed first.
fn dependencies(image: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"\0depends=";
    let Some(at) = image.windows(KEY.len()).position(|w| w == KEY) else {
        return Vec::new();
    };
    let value = &image[at + KEY.len()..];
    let end = value.iter().position(|&b| b == 0).unwrap_or(value.len());
    let text = String::from_utf8_lossy(&value[..end]);
    text.split(',')
        .filter(|n| !n.is_empty())
        .map(|n| n.replace('-', "_"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read_from_the_module() {
        let image = b"\x7fELF..\0license=GPL\0depends=virtio-ring,virtio\0name=x\0";
        assert_eq!(dependencies(image), ["virtio_ring", "virtio"]);
        assert!(dependencies(b"\x7fELF\0depends=\0name=x\0").is_empty());
        assert!(dependencies(b"").is_empty());
    }

    #[test]
    fn module_names_are_normal() {
        assert_eq!(
            module_name("virtio-gpu.ko.xz").as_deref(),
            Some("virtio_gpu")
        );
        assert_eq!(module_name("evdev.ko").as_deref(), Some("evdev"));
        assert_eq!(module_name("modules.builtin"), None);
    }
}
