// SPDX-License-Identifier: GPL-2.0-only
//! The stats socket, /var/run/scx/root/stats, in scx_stats' protocol. Its threads
//! ask the daemon's loop for a sample; an eventfd makes the request visible to
//! epoll.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use anyhow::{Context, Result, anyhow};
use nix::sys::eventfd::{EfdFlags, EventFd};
use photon_bench::sockets::STATS;
use scx_stats::prelude::*;
use scx_stats::{StatsData, StatsField, StatsFieldAttrs, StatsKind, StatsMeta, StatsStructAttrs};
use serde_json::{Map, Value};

use crate::model::Sample;
use crate::socket_name::SocketName;
use crate::tables::COUNTERS;

/// A client that waits longer than this for the daemon is told so.
const REPLY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

pub struct Server {
    /// Dropped, it calls its own thread by the name, so that comes after it.
    _server: StatsServer<(), ()>,
    /// Which scx_stats leaves behind.
    _name: SocketName,
    asked: Arc<EventFd>,
    requests: Receiver<()>,
    replies: Sender<Value>,
}

impl Server {
    pub fn launch() -> Result<Self> {
        let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
        let asked = Arc::new(EventFd::from_flags(flags).context("creating an eventfd")?);
        // Channels of our own: scx_stats forwards those of its clients in a thread, so that the eventfd could be heard
        // before the request was there, and the client waited in vain.
        let (ask, requests) = channel();
        let (replies, answers) = channel();
        let wake = Arc::clone(&asked);
        let data = StatsServerData::new().add_meta(meta()).add_stats(
            "top",
            Box::new(move |_args, _channels| {
                // What came too late for the client before.
                while answers.try_recv().is_ok() {}
                ask.send(())?;
                wake.write(1)?;
                answers
                    .recv_timeout(REPLY_TIMEOUT)
                    .map_err(|_| anyhow!("scx_photon is busy"))
            }),
        );
        let _server = StatsServer::new(data)
            .launch()
            .context("opening the stats socket")?;
        Ok(Server {
            _server,
            _name: SocketName::of(Path::new(STATS)),
            asked,
            requests,
            replies,
        })
    }

    /// Readable when a client waits.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.asked.as_fd()
    }

    /// Answers every client that waits.
    pub fn answer(&self, sample: impl Fn() -> Result<Sample>) -> Result<()> {
        // Emptied before the requests are looked at, so none is missed.
        let _ = self.asked.read();
        while self.requests.try_recv().is_ok() {
            self.replies
                .send(flatten(&sample()?)?)
                .context("answering a stats client")?;
        }
        Ok(())
    }
}

/// scx_stats wants plain fields, so the counters stand beside the nested objects,
/// which travel as text in `sample`.
pub fn flatten(sample: &Sample) -> Result<Value> {
    let mut out = Map::new();
    for (name, value) in &sample.counters {
        out.insert(name.clone(), Value::from(*value));
    }
    out.insert("sample".into(), Value::from(serde_json::to_string(sample)?));
    Ok(Value::Object(out))
}

/// The reverse of `flatten`.
pub fn unflatten(reply: &Value) -> Result<Sample> {
    let text = reply["sample"]
        .as_str()
        .context("the reply has no sample")?;
    serde_json::from_str(text).context("the sample of the reply")
}

/// The reply to `stats_meta`: every description by name.
pub fn describe() -> Result<Value> {
    let meta = meta();
    Ok(serde_json::to_value(BTreeMap::from([(
        meta.name.clone(),
        meta,
    )]))?)
}

/// The description of the fields, made from the list.
fn meta() -> StatsMeta {
    let field = |kind, desc: &str| StatsField {
        data: StatsData::Datum(kind),
        attrs: StatsFieldAttrs {
            desc: Some(desc.into()),
            user: BTreeMap::new(),
        },
    };
    let mut fields: BTreeMap<String, StatsField> = COUNTERS
        .iter()
        .map(|c| (c.name.to_string(), field(StatsKind::U64, c.help)))
        .collect();
    fields.insert(
        "sample".into(),
        field(StatsKind::String, "Everything, as one JSON object"),
    );
    StatsMeta {
        name: "Metrics".into(),
        attrs: StatsStructAttrs {
            top: Some(String::new()),
            desc: None,
            user: BTreeMap::new(),
        },
        fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives_the_socket() {
        let mut sample = Sample {
            at_ns: 5,
            ..Sample::default()
        };
        sample.counters.insert("wakeups".into(), 3);
        let reply = flatten(&sample).expect("flattens");
        assert_eq!(reply["wakeups"], 3);
        assert_eq!(unflatten(&reply).expect("comes back"), sample);
        assert!(unflatten(&Value::Null).is_err());
    }
}
