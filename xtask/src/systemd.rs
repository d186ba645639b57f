// SPDX-License-Identifier: GPL-2.0-only
//! `cargo xtask systemd`: the packages in a Debian with systemd, in a virtual machine. Its init installs the .deb as an
//! image builder would and starts systemd, which starts scx_photon; the scenario `package` does the rest. Some four
//! minutes, so it is not among the tests of every change.

use crate::archive::{self, System};
use crate::artifacts::{self, Artifacts, Variants};
use crate::guest::{Job, Status};
use crate::kernel;
use crate::kernel_name::{Flavour, Series};
use crate::qemu::Machine;
use crate::qemu_package::Qemu;
use crate::session::Seen;
use crate::vm::Vm;
use crate::{debian_root, deps, dist, paths, shell};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::ExitCode;

const JOB: &str = "package";
/// Guest seconds.
const LIMIT_S: u64 = 600;
const PLACE_OF_UNIT: &str = "/etc/systemd/system/photon-trial.service";
/// What a clone holds after `cargo xtask dist --static`.
const CLONE: &str = "/opt/trial/clone";
const RELEASES: [u32; 2] = [1, 2];
/// What the init and the unit of the trial are made from.
const INIT: &str = "tests/vm/systemd/init";
const UNIT: &str = "tests/vm/systemd/photon-trial.service";

#[derive(clap::Args)]
pub struct Args {
    /// A kernel series such as 6.18, or `newest`
    #[arg(long, value_name = "SERIES", default_value = "newest")]
    kernel: Series,
    /// The Debian mirror [default: the one this machine uses]
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    deps::ensure_also(&["mmdebstrap"])?;
    // Before minutes of building: it is what may be missing.
    let system = System::detect();
    let debian = shell::infrastructure(archive::debian(&system, args.mirror.as_deref()))?;
    let tar = shell::infrastructure(debian_root::obtain(&system, &debian))?;
    let artifacts = artifacts::build_for_run(Variants::Product)?;
    let linked = dist::build_static()?;
    let packages = paths::cache("systemd/packages")?;
    for release in RELEASES {
        dist::pack(&artifacts.scx_photon, release, Some(&linked), &packages)?;
    }
    let mirror = args.mirror.as_deref();
    let kernel = kernel::newest_of(&args.kernel, Flavour::Generic, mirror)?;
    let qemu = shell::infrastructure(Qemu::find())?;
    let machine = Machine::virtual_time("2");
    let mut vm = Vm::new("systemd", &qemu, &kernel, &artifacts, machine);
    vm.root = Some(debian_root::initramfs(&tar, &ours(&artifacts, &packages)?)?);
    vm.jobs = vec![Job::new(JOB, Vec::new(), LIMIT_S)];
    shell::step(&format!("booting {}", kernel.name));
    let reports = vm.run(&mut |seen| match seen {
        Seen::Booted { kernel, cpus } => {
            shell::step(&format!("systemd is up: {kernel}, {cpus} CPUs"))
        }
        Seen::Text(text) | Seen::Again(text) => println!("{text}"),
        Seen::Started(job) => shell::step(job),
    })?;
    let failed = reports
        .iter()
        .any(|(_, report)| report.status != Status::Pass);
    for (job, report) in reports {
        println!(
            "{job}: {:?} {} {}",
            report.status, report.reason, report.metrics
        );
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Our files in that system, by their places.
fn ours(artifacts: &Artifacts, packages: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let root = paths::root();
    let mut ours = Vec::new();
    let mut put = |place: &str, file: &Path| -> Result<()> {
        ours.push((place.to_string(), read(file)?));
        Ok(())
    };
    put("/init", &root.join(INIT))?;
    put(PLACE_OF_UNIT, &root.join(UNIT))?;
    put("/opt/trial/photon-guest", &artifacts.guest)?;
    for name in ["README.md", "dist/scx_photon.service"] {
        put(&format!("{CLONE}/{name}"), &root.join(name))?;
    }
    let program = format!("{CLONE}/target/release/scx_photon");
    put(&program, &artifacts.scx_photon)?;
    for release in RELEASES {
        for name in dist::names(release) {
            let end = name.rsplit('.').next().unwrap_or_default();
            put(
                &format!("/opt/trial/{release}.{end}"),
                &packages.join(&name),
            )?;
        }
    }
    for name in [&dist::names(RELEASES[0])[0], &dist::archive_name()] {
        put(&format!("{CLONE}/target/dist/{name}"), &packages.join(name))?;
    }
    Ok(ours)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| file.display().to_string())
}
