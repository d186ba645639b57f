// SPDX-License-Identifier: GPL-2.0-only
//! An IPC storm: pairs of threads that hand a message back and forth over a socket pair. Every
//! switch is voluntary and every run is short, and still none of it matters to a person.

use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::sys::clock::{NS_PER_US, mono_ns};
use crate::sys::message;
use crate::sys::process::socket_pair;
use crate::sys::sched::NORMAL;
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Work of one turn.
const TURN_NS: u64 = 10 * NS_PER_US;

pub fn run(ctx: &Ctx, pairs: usize) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    for pair in 0..pairs {
        // Both threads hold both ends, so that the first to leave does not break the other's pipe.
        let sockets = Arc::new(socket_pair()?);
        // One message in the pair: the first send starts it.
        message::send(&sockets.0, [0; 3])?;
        for side in ["ping", "pong"] {
            let sockets = Arc::clone(&sockets);
            crew.spawn(&format!("ipc-{side}-{pair}"), "ipc", NORMAL, move |c| {
                turns(
                    c,
                    if side == "ping" {
                        &sockets.0
                    } else {
                        &sockets.1
                    },
                )
            })?;
        }
    }
    crew.finish()
}

fn turns(ctx: &Ctx, socket: &OwnedFd) -> Result<ThreadOut> {
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    while ctx.running() {
        let Some(turn) = interrupted(message::receive(socket))? else {
            break;
        };
        burner.burn(TURN_NS);
        if interrupted(message::send(socket, turn))?.is_none() {
            break;
        }
        out.jobs += u64::from(ctx.window.contains(mono_ns()));
    }
    Ok(out.burnt(&burner))
}
