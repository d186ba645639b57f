// SPDX-License-Identifier: GPL-2.0-only
//! What the daemon is asked, and what it answers: root by scx_stats' socket, anybody by its own.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use log::{debug, warn};
use scx_stats::StatsRequest;
use serde_json::Value;

use super::Session;
use crate::caps;
use crate::model::Sample;
use crate::server::{self, Server};
use crate::socket::Socket;
use crate::status::Daemon;
use crate::view::View;

/// Counts of input that are told more often would tell when keys are pressed.
const PUBLIC_EVERY: Duration = Duration::from_secs(1);

/// Where the daemon is asked. Statistics are not worth failing for: a read-only /var/run, say.
pub struct Sockets {
    pub stats: Option<Server>,
    pub public: Option<Socket>,
}

impl Sockets {
    pub fn launch() -> Self {
        let stats = Server::launch().inspect_err(|e| warn!("no stats socket: {e:#}"));
        let public =
            Socket::launch().inspect_err(|e| warn!("no socket for top, why and status: {e:#}"));
        Sockets {
            stats: stats.ok(),
            public: public.ok(),
        }
    }
}

impl Session<'_> {
    pub fn answer(&self) {
        if let Some(server) = &self.sockets.stats
            && let Err(e) = server.answer(|| self.sample())
        {
            debug!("stats client: {e:#}");
        }
    }

    pub fn serve(&self) {
        if let Some(socket) = &self.sockets.public
            && let Err(e) = socket.serve(|request, uid| self.reply(request, uid))
        {
            debug!("socket: {e:#}");
        }
    }

    fn reply(&self, request: &StatsRequest, uid: u32) -> Result<Value> {
        match request.req.as_str() {
            "status" => Ok(serde_json::to_value(self.status())?),
            "why" => {
                self.why.drain(self.scheduler)?;
                Ok(serde_json::to_value(self.why.why().report())?)
            }
            "set" => self.tuning.set(self.scheduler, &request.args, uid),
            "tunables" => self.tuning.show(self.scheduler),
            "view" => Ok(serde_json::to_value(self.view(uid)?)?),
            "stats" => server::flatten(&self.sample_for(uid)?),
            "stats_meta" => server::describe(),
            other => bail!("unknown request {other:?}"),
        }
    }

    fn status(&self) -> Daemon {
        let why = self.why.why();
        let mut daemon = Daemon {
            pid: std::process::id(),
            uptime_s: self.begun.elapsed().as_secs_f64(),
            ..Daemon::default()
        };
        // `why` looks back at a game that has ended; what is now is no game, nor is one without frames.
        if why.is_alive() && why.usual_ms() > 0.0 {
            daemon.process = why.process().to_string();
            daemon.frame_ms = why.usual_ms();
            daemon.stutters = why.stutters();
        }
        daemon
    }

    fn view(&self, uid: u32) -> Result<View> {
        self.why.drain(self.scheduler)?;
        let mut view = View {
            version: scx_utils::build_id::full_version(env!("CARGO_PKG_VERSION")),
            kernel: caps::kernel_release()?,
            flags: std::env::args().skip(1).collect(),
            uptime_s: self.begun.elapsed().as_secs_f64(),
            input_probe: self.probe.is_some(),
            sample: self.sample_for(uid)?,
            cpus: self.scheduler.cpus(),
            ..View::default()
        };
        if uid != 0 {
            view.hide_input();
        }
        view.add_why(&self.why.why());
        Ok(view)
    }

    /// What somebody may know who is not root, and may not be who types.
    fn sample_for(&self, uid: u32) -> Result<Sample> {
        if uid == 0 {
            return self.sample();
        }
        if let Some((at, sample)) = &*self.public.borrow()
            && at.elapsed() < PUBLIC_EVERY
        {
            return Ok(sample.clone());
        }
        let mut sample = self.sample()?;
        sample.one_input();
        self.public.replace(Some((Instant::now(), sample.clone())));
        Ok(sample)
    }
}
