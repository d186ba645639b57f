// SPDX-License-Identifier: GPL-2.0-only
//! A daemon that is stopped while two CPUs report without a pause: afterwards every event is either read or counted as
//! lost, exactly, and the newest are those that were read. Arguments: `--reports N` for each CPU (default 5,000).

use crate::device::{Device, MOUSE};
use crate::photon::Photon;
use crate::sample::{STATS, Sample};
use crate::scenario::{Ctx, Fail, Outcome};
use photon_bench::sys::clock::NS_PER_SEC;
use serde_json::json;

const REPORTS: u64 = 5000;
/// The fastest mice there are.
const PERIOD_NS: u64 = NS_PER_SEC / 8000;
/// LANE_EVENTS of src/bpf/intf.h; the slot that the kernel part would take next is not trusted.
const KEPT: u64 = 2048 - 1;
const CPUS: usize = 2;

pub fn run(ctx: &Ctx) -> Outcome {
    let count = ctx.number("--reports", REPORTS)?;
    let mice: Vec<Device> = (0..CPUS)
        .map(|_| Device::new(&MOUSE))
        .collect::<Result<_, _>>()?;
    let photon = Photon::start(ctx, &STATS)?;
    // Both have sent something before, so that what follows wraps at an offset.
    mice.iter().try_for_each(|mouse| mouse.report(1))?;
    let before = Sample::settled(&photon)?;
    photon.signal(libc::SIGSTOP);
    std::thread::scope(|scope| {
        let players: Vec<_> = mice
            .iter()
            .enumerate()
            .map(|(cpu, mouse)| scope.spawn(move || mouse.play(cpu, count, PERIOD_NS)))
            .collect();
        players.into_iter().try_for_each(|player| {
            let played = player.join();
            played.map_err(|_| Fail::failed("a device's thread panicked"))?
        })
    })?;
    photon.signal(libc::SIGCONT);
    let after = Sample::settled(&photon)?;
    let log = photon.stop()?.log;
    let delta = |name: &str| -> Result<u64, Fail> {
        let sum = |sample: &Sample| -> Result<u64, Fail> { Ok(sample.rings(name)?.iter().sum()) };
        Ok(sum(&after)? - sum(&before)?)
    };
    let found = [delta("events")?, delta("read")?, delta("drops")?];
    let sent = count * CPUS as u64;
    let kept = count.min(KEPT) * CPUS as u64;
    let reports = after.reports(MOUSE.class)? - before.reports(MOUSE.class)?;
    if reports != sent || found != [sent, kept, sent - kept] {
        return Err(Fail::failed(format!(
            "{sent} sent, {reports} counted; written, read, lost {found:?}, not {:?}",
            [sent, kept, sent - kept]
        )));
    }
    // Every one that was read is what this CPU wrote, too.
    if let Some(line) = log.lines().find(|l| l.contains("malformed")) {
        return Err(Fail::failed(line.to_string()));
    }
    Ok(json!({"sent": sent, "read": kept, "lost": sent - kept}))
}
