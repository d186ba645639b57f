// SPDX-License-Identifier: GPL-2.0-only
//! One scenario as a service of a systemd that somebody else has booted, told to the host as PID 1 would.

use crate::init::{failed, power_off};
use crate::kmsg::Kmsg;
use crate::protocol::{Event, Report, send};
use crate::scenario;
use std::time::Instant;

pub fn run(name: &str) -> ! {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    send(&Event::Init {
        kernel: kernel.trim().to_string(),
        cpus,
    });
    send(&Event::Started {
        job: name.to_string(),
    });
    let begin = Instant::now();
    let report = report(name);
    send(&Event::Result {
        job: name.to_string(),
        report: Report {
            seconds: begin.elapsed().as_secs_f64(),
            ..report
        },
    });
    send(&Event::Done {});
    power_off()
}

fn report(name: &str) -> Report {
    let report = scenario::report(name, &[]);
    match Kmsg::open().map(|mut kmsg| kmsg.splats()) {
        Ok(splats) if splats.is_empty() => report,
        Ok(splats) => failed(format!(
            "kernel log: {}; {}",
            splats.join(" | "),
            report.reason
        )),
        Err(e) => failed(format!("/dev/kmsg: {e}")),
    }
}
