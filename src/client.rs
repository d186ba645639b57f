// SPDX-License-Identifier: GPL-2.0-only
//! Asks the running daemon through its socket; needs no root.

use std::time::Duration;

use anyhow::{Context, Result};
use scx_stats::{StatsClient, StatsRequest};
use serde::de::DeserializeOwned;

use crate::socket;

/// A daemon that is slower has no CPU, which it would say itself.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What the packages call it.
const SERVICE: &str = "scx_photon";

pub struct Client(StatsClient);

impl Client {
    pub fn connect() -> Result<Self> {
        Self::connect_within(TIMEOUT)
    }

    /// The same for whoever is in a hurry.
    pub fn connect_within(timeout: Duration) -> Result<Self> {
        let path = socket::path();
        let client = StatsClient::new().set_path(&path);
        let connected = client.connect(Some(timeout.as_millis() as u64));
        let connected = connected.with_context(|| {
            format!(
                "the service is not running (nobody listens at {}); start it with: sudo systemctl start {SERVICE}",
                path.display()
            )
        })?;
        Ok(Client(connected))
    }

    pub fn ask<T: DeserializeOwned>(&mut self, verb: &str) -> Result<T> {
        self.tell(verb, Vec::new())
    }

    pub fn tell<T: DeserializeOwned>(
        &mut self,
        verb: &str,
        args: Vec<(String, String)>,
    ) -> Result<T> {
        let request = StatsRequest::new(verb, args);
        self.0
            .send_request(&request)
            .with_context(|| format!("asking scx_photon for {verb}"))
    }
}
