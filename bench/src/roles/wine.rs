// SPDX-License-Identifier: GPL-2.0-only
//! Wine without ntsync: every NT wait is a request to the single-threaded wineserver.

use super::wiring::Wiring;
use crate::burn::Burner;
use crate::crew::{Crew, Ctx, ThreadOut, ThreadReport};
use crate::rng::Stream;
use crate::scenario::Wine;
use crate::sys::message;
use crate::sys::process::poll_each;
use crate::sys::sched::NORMAL;
use crate::sys::signal::interrupted;
use anyhow::Result;
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// Connections: the game thread, the render thread, then the workers.
pub const GAME_CLIENT: usize = 0;
pub const RENDER_CLIENT: usize = 1;
pub const FIRST_WORKER_CLIENT: usize = 2;

pub fn run(ctx: &Ctx, wiring: &Arc<Wiring>, wine: &Wine) -> Result<Vec<ThreadReport>> {
    let mut crew = Crew::new(ctx)?;
    let (w, wine) = (Arc::clone(wiring), wine.clone());
    crew.spawn("wineserver", "wineserver", NORMAL, move |c| {
        server(c, &w, &wine)
    })?;
    crew.finish()
}

fn server(ctx: &Ctx, wiring: &Wiring, wine: &Wine) -> Result<ThreadOut> {
    let fds: Vec<_> = wiring.wine.iter().map(|(_, s)| s.as_raw_fd()).collect();
    let draws = Stream::new(ctx.seed, "wineserver", 0);
    let (mut out, mut burner) = (ThreadOut::default(), ctx.burner());
    let mut ready = Vec::with_capacity(fds.len());
    while ctx.running() {
        ready.clear();
        if interrupted(poll_each(&fds, |i| ready.push(i)))?.is_none() {
            break;
        }
        for client in &ready {
            let socket = &wiring.wine[*client].1;
            let request = message::receive(socket)?;
            answer(&mut burner, wine, &draws, out.jobs);
            message::send(socket, request)?;
            out.jobs += 1;
        }
    }
    Ok(out.burnt(&burner))
}

fn answer(burner: &mut Burner, wine: &Wine, draws: &Stream, request: u64) {
    burner.burn(wine.rpc_us.draw(draws, request, 0));
}

/// Ask the wineserver `times` times. `false` when interrupted.
pub fn request(wiring: &Wiring, client: usize, times: u64) -> Result<bool> {
    let Some((socket, _)) = wiring.wine.get(client) else {
        return Ok(true);
    };
    for number in 0..times {
        message::send(socket, [number, 0, 0])?;
        if interrupted(message::receive(socket))?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
