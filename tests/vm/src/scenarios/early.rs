// SPDX-License-Identifier: GPL-2.0-only
//! CPUs go and come while the scheduler is being loaded, as at boot. The kernel takes none then and asks for another
//! try; the daemon tries again, by itself: a refusal would leave the service off for good.

use crate::bpf::objects;
use crate::photon::{Photon, scx_state};
use crate::scenario::{Ctx, Fail, Outcome};
use crate::scenarios::cycles;
use crate::scenarios::hotplug::switch;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(1);
/// While some of a second of verification goes on.
const AWAY: Duration = Duration::from_millis(50);
/// What the daemon says before each further try.
const AGAIN: &str = "restarting: ";

pub fn run(ctx: &Ctx) -> Outcome {
    let [file, off, on] = switch(false)?;
    let ended = AtomicBool::new(false);
    let before = cycles::settled().maps;
    let (photon, toggled) = std::thread::scope(|scope| {
        let toggler = scope.spawn(|| -> std::io::Result<bool> {
            // Its first maps: the CPUs have been counted, and the programs are still to be verified.
            while objects().maps <= before {
                if ended.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                std::thread::sleep(POLL);
            }
            std::fs::write(&file, &off)?;
            std::thread::sleep(AWAY);
            std::fs::write(&file, &on)?;
            Ok(true)
        });
        let photon = Photon::start(ctx, &[]);
        ended.store(true, Ordering::Relaxed);
        (photon, toggler.join())
    });
    let toggled = toggled.map_err(|_| Fail::failed("the one who takes CPUs away panicked"))??;
    let photon = photon?;
    let state = scx_state();
    let stopped = photon.stop()?;
    let tries = stopped.log.matches(AGAIN).count();
    if !toggled || tries == 0 || state.as_deref() != Some("enabled") {
        return Err(Fail::failed(format!(
            "toggled: {toggled}, tried again {tries} times, {state:?}: {}",
            stopped.log
        )));
    }
    Ok(json!({"tried_again": tries}))
}
