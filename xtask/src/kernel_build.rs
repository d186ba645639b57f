// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask kernel`: builds a kernel of a series that Debian ships without sched_ext, once, from Debian's own source
//! package and `tests/vm/kernel.config`. It lies in the cache, and `--kernel 6.12` finds it there. Not part of any test
//! run: it takes a quarter of an hour and 4 GB.

use crate::kernel::{self, Kernels};
use crate::kernel_name::Series;
use crate::{deps, paths, shell};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const CONFIG: &str = "tests/vm/kernel.config";
/// What the kernel's build needs beyond ours, as Debian calls it.
const PACKAGES: &[&str] = &["bc", "bison", "dwarves", "flex"];
/// Without these a kernel boots and tests nothing.
const ESSENTIAL: &[&str] = &[
    "CONFIG_SCHED_CLASS_EXT=y",
    "CONFIG_DEBUG_INFO_BTF=y",
    "CONFIG_BPF_EVENTS=y",
    "CONFIG_FUNCTION_TRACER=y",
    "CONFIG_INPUT_UINPUT=y",
];

#[derive(clap::Args)]
pub struct Args {
    /// The series to build
    #[arg(long, value_name = "SERIES", default_value = "6.12")]
    series: Series,
    /// The Debian mirror [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let Series::Exact(major, minor) = args.series else {
        bail!("name one series, such as 6.12");
    };
    deps::ensure_also(PACKAGES)?;
    if let Some(kernel) = kernel::built(major, minor)? {
        shell::step(&format!(
            "{} is there: {}",
            kernel.name,
            kernel.image.display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let archive = shell::infrastructure(Kernels::open(args.mirror.as_deref()))?;
    let package = shell::infrastructure(archive.source(major, minor))?;
    let work = paths::cache("kernel-build")?;
    std::fs::remove_dir_all(&work)?;
    std::fs::create_dir_all(&work)?;
    shell::step(&format!("unpacking linux-source-{major}.{minor}"));
    let tree = unpack(&package, &work)?;
    let out = work.join("out");
    std::fs::create_dir_all(&out)?;
    configure(&tree, &out)?;
    shell::step("building the kernel; a quarter of an hour on two CPUs");
    let jobs = std::thread::available_parallelism().map_or(1, |n| n.get());
    shell::run(make(&tree, &out).arg(format!("-j{jobs}")).arg("bzImage"))?;
    let release = shell::output(make(&tree, &out).arg("kernelrelease"))?;
    let kernel = kernel::keep_built(release.trim(), &out.join("arch/x86/boot/bzImage"))?;
    std::fs::remove_dir_all(&work)?;
    shell::step(&format!(
        "built {}: {}",
        kernel.name,
        kernel.image.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The package holds an archive of the tree.
fn unpack(package: &Path, into: &Path) -> Result<PathBuf> {
    crate::kernel::unpack(package, into)?;
    let sources = into.join("usr/src");
    let is_tree = |p: &PathBuf| p.to_string_lossy().ends_with(".tar.xz");
    let archive = std::fs::read_dir(&sources)?
        .flatten()
        .map(|e| e.path())
        .find(is_tree)
        .context("the source package holds no linux-source archive")?;
    shell::run(
        Command::new("tar")
            .arg("-xJf")
            .arg(&archive)
            .arg("-C")
            .arg(into),
    )?;
    std::fs::remove_file(&archive)?;
    let name = archive.file_name().context("no name")?.to_string_lossy();
    Ok(into.join(name.trim_end_matches(".tar.xz")))
}

fn configure(tree: &Path, out: &Path) -> Result<()> {
    let config = paths::root().join(CONFIG);
    let mut command = make(tree, out);
    command.env("KCONFIG_ALLCONFIG", config).arg("allnoconfig");
    shell::run(command.stdout(Stdio::null()))?;
    let made = std::fs::read_to_string(out.join(".config"))?;
    for option in ESSENTIAL {
        if !made.lines().any(|line| line == *option) {
            bail!("{CONFIG}: {option} does not come out of it; does this series have it?");
        }
    }
    Ok(())
}

fn make(tree: &Path, out: &Path) -> Command {
    let mut command = Command::new("make");
    command
        .arg("-s")
        .arg("-C")
        .arg(tree)
        .arg(format!("O={}", out.display()));
    command
}
