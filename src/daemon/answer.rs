// SPDX-License-Identifier: GPL-2.0-only
//! What the daemon is asked, and what it answers: root by scx_stats' socket, anybody by its own.

use std::cell::RefCell;
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

/// The statistics that others than root are told, and when they were read.
#[derive(Default)]
pub struct Public(RefCell<Option<(Instant, Sample)>>);

impl Public {
    /// What this user may know now. Who is not root may not know who types: neither by the device nor by the moment.
    fn sample_for(
        &self,
        uid: u32,
        now: Instant,
        exact: impl FnOnce() -> Result<Sample>,
    ) -> Result<Sample> {
        if uid == 0 {
            return exact();
        }
        if let Some((at, sample)) = &*self.0.borrow()
            && now.saturating_duration_since(*at) < PUBLIC_EVERY
        {
            return Ok(sample.clone());
        }
        let mut sample = exact()?;
        sample.one_input();
        self.0.replace(Some((now, sample.clone())));
        Ok(sample)
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

    fn sample_for(&self, uid: u32) -> Result<Sample> {
        self.public
            .sample_for(uid, Instant::now(), || self.sample())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reports;
    use std::collections::BTreeMap;

    const ROOT: u32 = 0;
    const STRANGERS: [u32; 2] = [1000, 65534];
    const MOMENT: Duration = Duration::from_millis(1);

    fn counted<const N: usize>(reports: [(&str, u64); N]) -> BTreeMap<String, Reports> {
        let one = |(class, reports): (&str, u64)| (class.to_string(), Reports { reports });
        reports.into_iter().map(one).collect()
    }

    fn exact(keyboard: u64) -> BTreeMap<String, Reports> {
        counted([("keyboard", keyboard), ("mouse", 100)])
    }

    /// The input that this user is told of when so much was typed.
    fn told(public: &Public, uid: u32, now: Instant, typed: u64) -> BTreeMap<String, Reports> {
        let sample = || {
            Ok(Sample {
                input: exact(typed),
                ..Sample::default()
            })
        };
        let told = public.sample_for(uid, now, sample);
        told.expect("a sample").input
    }

    #[test]
    fn strangers_are_told_the_same_until_it_is_old() {
        let (public, begin) = (Public::default(), Instant::now());
        assert_eq!(told(&public, 1000, begin, 5), counted([("all", 105)]));
        // Whoever asks, however often, and whatever is typed meanwhile.
        for (typed, uid) in (6..).zip(STRANGERS) {
            for at in [MOMENT, PUBLIC_EVERY / 2, PUBLIC_EVERY - MOMENT] {
                let told = told(&public, uid, begin + at, typed);
                assert_eq!(told, counted([("all", 105)]), "{uid} after {at:?}");
            }
        }
        let later = begin + PUBLIC_EVERY;
        assert_eq!(told(&public, 1000, later, 9), counted([("all", 109)]));
        // Its time begins anew.
        let last = later + PUBLIC_EVERY - MOMENT;
        assert_eq!(told(&public, 1000, last, 20), counted([("all", 109)]));
    }

    #[test]
    fn root_is_told_what_is_and_that_is_nobody_elses() {
        let (public, begin) = (Public::default(), Instant::now());
        assert_eq!(told(&public, ROOT, begin, 5), exact(5));
        // It was not kept for the next one.
        assert_eq!(told(&public, 1000, begin, 6), counted([("all", 106)]));
        assert_eq!(told(&public, ROOT, begin, 7), exact(7));
        assert_eq!(told(&public, 1000, begin, 8), counted([("all", 106)]));
    }

    #[test]
    fn what_could_not_be_read_is_not_kept() {
        let (public, begin) = (Public::default(), Instant::now());
        let failed = public.sample_for(1000, begin, || bail!("busy"));
        assert!(failed.is_err());
        assert_eq!(told(&public, 1000, begin, 5), counted([("all", 105)]));
    }
}
