// SPDX-License-Identifier: GPL-2.0-only
//! Everything that connects the processes of a run, made before the first of them is forked.

use crate::scenario::Scenario;
use crate::sys::fd::EventFd;
use crate::sys::net;
use crate::sys::process::{pipe, set_nonblocking, socket_pair};
use crate::sys::shm::Shared;
use crate::sys::uinput::Mouse;
use anyhow::{Context, Result};
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Where input reports come from.
#[derive(Clone, Debug)]
pub enum InputSource {
    /// A virtual mouse; readers open its event node.
    Uinput { mouse: Arc<Mouse>, node: PathBuf },
    /// No uinput on this kernel: the injector signals the two readers.
    Timer {
        game: Arc<EventFd>,
        libinput: Arc<EventFd>,
    },
}

impl InputSource {
    fn new() -> Result<Self> {
        match Mouse::new("photon-bench mouse") {
            Ok(mouse) => Ok(Self::Uinput {
                node: mouse.node().to_path_buf(),
                mouse: Arc::new(mouse),
            }),
            Err(e) => {
                eprintln!("photon-bench: no virtual mouse, a timer instead: {e:#}");
                Ok(Self::Timer {
                    game: Arc::new(EventFd::new()?),
                    libinput: Arc::new(EventFd::new()?),
                })
            }
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Uinput { .. } => "uinput",
            Self::Timer { .. } => "timer",
        }
    }
}

/// The two ends of a channel; both stay open in every process.
pub type Channel = (OwnedFd, OwnedFd);

#[derive(Debug)]
pub struct Wiring {
    pub input: InputSource,
    /// Vblank interrupt to the game.
    pub vblank: EventFd,
    /// Submit thread to GPU: frame, submit time, GPU time.
    pub gpu: Channel,
    /// GPU fence to the game: frame, completion time.
    pub fence: Channel,
    /// Game to compositor: a frame is ready.
    pub present: Channel,
    /// Libinput to compositor.
    pub forward: EventFd,
    /// Sound server to the game's mixer.
    pub audio: EventFd,
    /// The period the mixer finished last.
    pub mixed: Shared<AtomicU64>,
    /// Game server to game.
    pub net: (UdpSocket, UdpSocket),
    /// Wine clients' connections: (client, server) for game thread, render thread and workers.
    pub wine: Vec<Channel>,
    /// `true` when this run brought the loopback interface up.
    pub loopback_changed: bool,
}

impl Wiring {
    pub fn new(scenario: &Scenario) -> Result<Self> {
        let loopback_changed = net::set_loopback(true).context("bring the loopback up")?;
        let receiver = UdpSocket::bind(("127.0.0.1", 0)).context("bind on the loopback")?;
        let sender = UdpSocket::bind(("127.0.0.1", 0)).context("bind on the loopback")?;
        sender.connect(receiver.local_addr()?)?;
        let clients = match scenario.wine {
            Some(_) => scenario.game.workers + 2,
            None => 0,
        };
        let present = pipe()?;
        // The compositor empties it after a poll.
        set_nonblocking(&present.0)?;
        Ok(Self {
            input: InputSource::new()?,
            vblank: EventFd::new()?,
            gpu: pipe()?,
            fence: pipe()?,
            present,
            forward: EventFd::new()?,
            audio: EventFd::new()?,
            mixed: Shared::new()?,
            net: (sender, receiver),
            wine: (0..clients)
                .map(|_| socket_pair())
                .collect::<Result<_, _>>()?,
            loopback_changed,
        })
    }
}

impl Drop for Wiring {
    fn drop(&mut self) {
        if self.loopback_changed && net::set_loopback(false).is_err() {
            eprintln!("photon-bench: could not take the loopback interface down again");
        }
    }
}
