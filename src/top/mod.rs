// SPDX-License-Identifier: GPL-2.0-only
//! `scx_photon top`: looks at the running daemon through its socket, or at a
//! recording. Needs no root. What is drawn is in `screen`; here are the terminal,
//! the keys and the time.

mod cpus;
mod recorded;
pub mod screen;
mod wakeups;

use std::io::{IsTerminal, stdin, stdout};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::client::Viewer;
use crate::recording::Reader;
use crate::shutdown::Shutdown;
use crate::view::View;
use recorded::Views;

/// A new view of the daemon this often: quick enough for a glance, and cheap.
const PERIOD: Duration = Duration::from_millis(500);
/// How long a key may go unnoticed.
const KEY_WAIT: Duration = Duration::from_millis(100);

/// Where the views come from.
enum Source {
    Live(Viewer),
    Recording { views: Views, at: usize },
}

impl Source {
    /// None while the daemon is lost.
    fn next(&mut self) -> Result<Option<View>> {
        match self {
            Source::Live(viewer) => viewer.view(),
            Source::Recording { views, at } => {
                *at = (*at + 1).min(views.len() - 1);
                views.view(*at).map(Some)
            }
        }
    }

    fn name(&self) -> String {
        match self {
            Source::Live(viewer) if viewer.is_lost() => "lost".into(),
            Source::Live(_) => "live".into(),
            Source::Recording { views, at } => format!("recording {}/{}", at + 1, views.len()),
        }
    }
}

/// All that a picture depends on.
#[derive(Default)]
pub struct State {
    pub view: View,
    /// The view before, for rates.
    pub before: View,
    pub source: String,
    pub paused: bool,
    pub help: bool,
    /// Stutters with their details.
    pub details: bool,
    /// Stutters scrolled past, from the newest.
    pub scroll: usize,
}

pub fn run(replay: Option<&Path>, shutdown: &Shutdown) -> Result<()> {
    let mut source = match replay {
        None => Source::Live(Viewer::connect()?),
        Some(path) => {
            let views = Views::of(Reader::open(path)?)?;
            if views.len() == 0 {
                bail!("{} holds no view", path.display());
            }
            Source::Recording { views, at: 0 }
        }
    };
    if !stdout().is_terminal() || !stdin().is_terminal() {
        bail!("top needs a terminal; `scx_photon --monitor 1` and `why` do not");
    }
    // Its panic hook puts the terminal back, too.
    let mut terminal = ratatui::try_init().context("preparing the terminal")?;
    let ended = watch(&mut terminal, &mut source, shutdown);
    ratatui::restore();
    ended
}

fn watch(terminal: &mut DefaultTerminal, source: &mut Source, shutdown: &Shutdown) -> Result<()> {
    let mut state = State {
        view: match source {
            Source::Live(viewer) => viewer.view()?.unwrap_or_default(),
            Source::Recording { views, .. } => views.view(0)?,
        },
        ..State::default()
    };
    let mut last = Instant::now();
    loop {
        state.source = source.name();
        terminal.draw(|frame| screen::draw(frame, &state))?;
        if is_over(shutdown)? {
            return Ok(());
        }
        if event::poll(Duration::ZERO)?
            && let Event::Key(key) = event::read()?
            && key.kind == KeyEventKind::Press
            && !pressed(key, &mut state, source)?
        {
            return Ok(());
        }
        if last.elapsed() >= PERIOD && !state.paused {
            last = Instant::now();
            advance(&mut state, source)?;
        }
    }
}

/// Waits for a key at most KEY_WAIT; true if asked to stop, or if the terminal is
/// gone. The latter is looked at here, because the library that reads the keys
/// would then read nothing for ever, at full speed.
fn is_over(shutdown: &Shutdown) -> Result<bool> {
    let keys = stdin();
    let mut fds = [
        PollFd::new(keys.as_fd(), PollFlags::POLLIN),
        PollFd::new(shutdown.as_fd(), PollFlags::POLLIN),
    ];
    let timeout = PollTimeout::try_from(KEY_WAIT)?;
    match poll(&mut fds, timeout) {
        // A changed size of the terminal is a signal.
        Err(Errno::EINTR) => return Ok(false),
        other => other?,
    };
    let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
    let hung_up = fds[0].revents().is_none_or(|r| r.intersects(gone));
    Ok(hung_up || fds[1].any().unwrap_or(true))
}

fn advance(state: &mut State, source: &mut Source) -> Result<()> {
    let Some(next) = source.next()? else {
        return Ok(());
    };
    // A recording that has ended shows its last second, not a second of nothing.
    if next.sample.at_ns != state.view.sample.at_ns {
        state.before = std::mem::replace(&mut state.view, next);
    } else {
        state.view = next;
    }
    Ok(())
}

/// False when it is to end. Every key here is explained in `screen::HELP`.
fn pressed(key: KeyEvent, state: &mut State, source: &mut Source) -> Result<bool> {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('c') if control => return Ok(false),
        KeyCode::Char('q') => return Ok(false),
        KeyCode::Esc if state.help => state.help = false,
        KeyCode::Esc => return Ok(false),
        KeyCode::Char('h' | '?') => state.help = !state.help,
        KeyCode::Char('p' | ' ') => state.paused = !state.paused,
        KeyCode::Char('d') => state.details = !state.details,
        KeyCode::Up | KeyCode::Char('k') => {
            let last = state.view.why.stutters.len().saturating_sub(1);
            state.scroll = (state.scroll + 1).min(last);
        }
        KeyCode::Down | KeyCode::Char('j') => state.scroll = state.scroll.saturating_sub(1),
        KeyCode::Right => advance(state, source)?,
        KeyCode::Left => {
            if let Source::Recording { at, .. } = source {
                *at = at.saturating_sub(2);
                advance(state, source)?;
            }
        }
        _ => {}
    }
    Ok(true)
}
