// SPDX-License-Identifier: GPL-2.0-only
//! Asks the running daemon through its socket, in scx_stats' protocol; needs no
//! root. Not by that library's own client, which connects without a bound.

use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use scx_stats::{StatsRequest, StatsResponse};
use serde::de::DeserializeOwned;

use crate::socket;
use crate::unix_socket;
use crate::view::View;

/// A daemon that is slower has no CPU, which it would say itself.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The daemon drops its clients when there is too much of them, and takes new ones when the next second begins.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the packages call it.
const SERVICE: &str = "scx_photon";

#[derive(Debug)]
pub struct Client(BufReader<UnixStream>);

/// Somebody listens, but has no time: the error is that of a connection which found no room in the queue.
pub fn is_full(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|e| e.kind() == ErrorKind::WouldBlock)
}

impl Client {
    pub fn connect() -> Result<Self> {
        Self::connect_within(TIMEOUT)
    }

    /// The same for whoever is in a hurry.
    pub fn connect_within(timeout: Duration) -> Result<Self> {
        Self::connect_to(&socket::path(), timeout)
    }

    fn connect_to(path: &Path, timeout: Duration) -> Result<Self> {
        let at = path.display();
        let stream = unix_socket::connect(path, timeout);
        let stream = stream.map_err(|e| match e.kind() {
            ErrorKind::WouldBlock => anyhow::Error::new(e).context(format!(
                "the service takes no connection at {at}: it is stopped or too many ask it; see systemctl status {SERVICE}"
            )),
            _ => anyhow::Error::new(e).context(format!(
                "the service is not running (nobody listens at {at}); start it with: sudo systemctl start {SERVICE}"
            )),
        })?;
        stream.set_read_timeout(Some(timeout))?;
        Ok(Client(BufReader::new(stream)))
    }

    pub fn ask<T: DeserializeOwned>(&mut self, verb: &str) -> Result<T> {
        self.tell(verb, Vec::new())
    }

    pub fn tell<T: DeserializeOwned>(
        &mut self,
        verb: &str,
        args: Vec<(String, String)>,
    ) -> Result<T> {
        let asking = || format!("asking scx_photon for {verb}");
        let line = match self.line(&StatsRequest::new(verb, args)) {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                bail!(
                    "{}: no answer in time: it is stopped, or has no CPU",
                    asking()
                )
            }
            line => line.with_context(asking)?,
        };
        let mut response: StatsResponse = serde_json::from_str(&line).with_context(asking)?;
        let said = response.args.remove("resp").unwrap_or_default();
        if response.errno != 0 {
            bail!("{}: {}", asking(), said.as_str().unwrap_or("it refuses"));
        }
        serde_json::from_value(said).with_context(asking)
    }

    fn line(&mut self, request: &StatsRequest) -> io::Result<String> {
        let text = serde_json::to_string(request)? + "\n";
        self.0.get_mut().write_all(text.as_bytes())?;
        let mut line = String::new();
        match self.0.read_line(&mut line)? {
            0 => Err(io::Error::new(ErrorKind::UnexpectedEof, "it hung up")),
            _ => Ok(line),
        }
    }
}

/// For who asks again and again: a connection that is dropped is not the daemon's end.
pub struct Viewer {
    path: PathBuf,
    client: Option<Client>,
    /// No answer since.
    lost: Option<Instant>,
}

impl Viewer {
    pub fn connect() -> Result<Self> {
        Self::connect_to(socket::path())
    }

    fn connect_to(path: PathBuf) -> Result<Self> {
        Ok(Viewer {
            client: Some(Client::connect_to(&path, TIMEOUT)?),
            path,
            lost: None,
        })
    }

    pub fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// None while it is tried to connect again; an error when that was in vain for as long as `PATIENCE`.
    pub fn view(&mut self) -> Result<Option<View>> {
        if self.client.is_some()
            && let Ok(view) = self.once()
        {
            return Ok(Some(view));
        }
        let lost = *self.lost.get_or_insert_with(Instant::now);
        self.client = None;
        match self.once() {
            Ok(view) => {
                self.lost = None;
                Ok(Some(view))
            }
            Err(_) if lost.elapsed() < PATIENCE => {
                self.client = None;
                Ok(None)
            }
            Err(e) => Err(e.context("scx_photon has stopped")),
        }
    }

    fn once(&mut self) -> Result<View> {
        let client = match &mut self.client {
            Some(client) => client,
            none => none.insert(Client::connect_to(&self.path, PATIENCE)?),
        };
        client.ask("view")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socket::respond;
    use std::os::unix::net::UnixListener;

    fn named(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("photon-client-{name}-{}", std::process::id()))
    }

    /// A daemon that hangs up after one answer, and is gone after so many of them.
    fn answers(listener: UnixListener, clients: usize) {
        for stream in listener.incoming().take(clients) {
            let mut stream = BufReader::new(stream.expect("a client"));
            let mut line = String::new();
            stream.read_line(&mut line).expect("a request");
            let reply = respond(line.as_bytes(), |request| match request.req.as_str() {
                "view" => Ok(serde_json::to_value(View::default())?),
                _ => bail!("no such thing"),
            });
            stream.get_mut().write_all(&reply).expect("answers");
        }
    }

    #[test]
    fn a_dropped_connection_is_not_the_daemons_end() {
        const ANSWERS: usize = 3;
        let path = named("dropped");
        let listener = UnixListener::bind(&path).expect("a socket");
        let daemon = std::thread::spawn(move || answers(listener, ANSWERS));
        let mut viewer = Viewer::connect_to(path.clone()).expect("connects");
        for _ in 0..ANSWERS {
            assert!(viewer.view().expect("goes on").is_some());
            assert!(!viewer.is_lost());
        }
        daemon.join().expect("no panic");
        // Nobody listens any more: for a while it may come back.
        assert!(viewer.view().expect("goes on").is_none());
        assert!(viewer.is_lost());
        viewer.lost = Some(Instant::now() - PATIENCE);
        let error = viewer.view().expect_err("it is over");
        assert!(error.to_string().contains("has stopped"), "{error}");
        std::fs::remove_file(&path).expect("removes");
    }

    #[test]
    fn what_the_daemon_refuses_is_said_in_its_words() {
        let path = named("refused");
        let listener = UnixListener::bind(&path).expect("a socket");
        let daemon = std::thread::spawn(move || answers(listener, 1));
        let mut client = Client::connect_to(&path, TIMEOUT).expect("connects");
        let error = client.ask::<View>("nonsense").expect_err("refused");
        let text = format!("{error:#}");
        assert_eq!(text, "asking scx_photon for nonsense: no such thing");
        daemon.join().expect("no panic");
        std::fs::remove_file(&path).expect("removes");
    }

    /// As behind a daemon that is stopped: first it accepts nobody, and then there is no room.
    #[test]
    fn no_answer_and_a_full_queue_are_told_from_nobody() {
        const MOMENT: Duration = Duration::from_millis(20);
        let path = named("full");
        let nobody = Client::connect_to(&path, MOMENT).expect_err("nobody listens");
        assert!(!is_full(&nobody), "{nobody:#}");
        let listener = unix_socket::listen(&path).expect("a socket");
        let mut first = Client::connect_to(&path, MOMENT).expect("there is room");
        let late = first.ask::<View>("view").expect_err("nobody answers");
        assert!(late.to_string().contains("no answer in time"), "{late:#}");
        let burst: Vec<_> = (0..unix_socket::BACKLOG)
            .map(|_| Client::connect_to(&path, MOMENT).expect("there is room"))
            .collect();
        let full = Client::connect_to(&path, MOMENT).expect_err("it is full");
        assert!(is_full(&full), "{full:#}");
        drop((burst, listener));
        std::fs::remove_file(&path).expect("removes");
    }
}
