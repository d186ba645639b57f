// SPDX-License-Identifier: GPL-2.0-only
//! SIGINT, SIGTERM and SIGHUP as a descriptor that becomes readable.
//!
//! A hangup has two meanings. Somebody who sends it wants the configuration read
//! again; or the terminal is gone, and with it whoever could press Ctrl-C: the kernel
//! says so to the first process of a session alone, to all others a shell or sudo hands
//! it on, and then the terminal itself tells. Under nohup the second one means nothing.

use std::io::IsTerminal;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::time::TimeSpec;
use nix::unistd::{Pid, getsid};

/// What the signals mean to the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    Stop,
    /// Read the configuration again.
    Reload,
}

pub struct Shutdown {
    signals: SignalFd,
    /// A terminal that goes away is nothing to us.
    nohup: bool,
    /// That we were started from.
    terminal: Option<OwnedFd>,
}

fn terminal() -> Option<OwnedFd> {
    let (input, errors) = (std::io::stdin(), std::io::stderr());
    let terminal = match input.is_terminal() {
        true => input.as_fd(),
        false => errors.is_terminal().then(|| errors.as_fd())?,
    };
    terminal.try_clone_to_owned().ok()
}

/// Its other end is closed.
fn is_gone(terminal: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(terminal.as_fd(), PollFlags::empty())];
    let polled = ppoll(&mut fds, Some(TimeSpec::from(Duration::ZERO)), None);
    polled.is_ok() && (fds[0].revents()).is_some_and(|r| r.contains(PollFlags::POLLHUP))
}

/// Was SIGHUP ignored when we were started?
fn nohup() -> bool {
    let mut old = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: asks only; the kernel fills the struct when it returns 0.
    unsafe {
        libc::sigaction(libc::SIGHUP, std::ptr::null(), old.as_mut_ptr()) == 0
            && old.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// By who shares our session, or has ended since. Somebody from elsewhere wants the configuration read again, however
/// long ago our terminal went.
fn is_handed_on(sender: i32) -> bool {
    let session = |pid| getsid(Some(Pid::from_raw(pid)));
    session(sender).is_err() || session(sender) == session(0)
}

/// What a signal asks for, by its number and whether the terminal is gone.
fn meaning(signal: i32, gone: bool, nohup: bool) -> Asked {
    match (signal, gone) {
        (libc::SIGHUP, true) if nohup => Asked::Nothing,
        (libc::SIGHUP, true) => Asked::Stop,
        (libc::SIGHUP, false) => Asked::Reload,
        _ => Asked::Stop,
    }
}

/// Lets whoever reads our output end us, as `| head` ends other programs. Not for what has a scheduler to take down or a
/// terminal to put back, and not before the last word to the daemon: a socket may break, too.
pub fn end_with_the_reader() {
    // SAFETY: the default action of a signal that nothing here handles.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

impl Shutdown {
    /// Before any thread is started: all of them inherit the blocked signals.
    pub fn install() -> Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            set.add(signal);
        }
        set.thread_block().context("blocking the signals")?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let signals = SignalFd::with_flags(&set, flags).context("creating a signalfd")?;
        Ok(Shutdown {
            signals,
            nohup: nohup(),
            terminal: terminal(),
        })
    }

    /// Sleeps for `time`, or until something is asked, which is taken by that.
    pub fn wait(&self, time: Duration) -> Result<Asked> {
        let begin = Instant::now();
        loop {
            let left = time.saturating_sub(begin.elapsed());
            let mut fds = [PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut fds, Some(TimeSpec::from(left)), None) {
                Ok(0) => return Ok(Asked::Nothing),
                Err(Errno::EINTR) => {}
                other => drop(other.context("waiting for signals")?),
            }
            // The kernel keeps a signal that is blocked, even one that is ignored: it may mean nothing.
            match self.asked()? {
                Asked::Nothing => {}
                asked => return Ok(asked),
            }
        }
    }

    /// The same for who has nothing to read again: every signal that means something ends it.
    pub fn ends_within(&self, time: Duration) -> bool {
        !matches!(self.wait(time), Ok(Asked::Nothing))
    }

    /// What has come. To stop is above all else.
    pub fn asked(&self) -> Result<Asked> {
        let mut asked = Asked::Nothing;
        while let Some(info) = self.signals.read_signal().context("reading signals")? {
            let gone = info.ssi_code == libc::SI_KERNEL
                || (self.terminal.as_ref().is_some_and(is_gone)
                    && is_handed_on(info.ssi_pid as i32));
            match meaning(info.ssi_signo as i32, gone, self.nohup) {
                Asked::Nothing => {}
                Asked::Stop => return Ok(Asked::Stop),
                Asked::Reload => asked = Asked::Reload,
            }
        }
        Ok(asked)
    }
}

impl AsFd for Shutdown {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::pthread::{pthread_kill, pthread_self};

    #[test]
    fn a_hangup_by_the_terminal_is_a_stop() {
        let hangup = |gone, nohup| meaning(libc::SIGHUP, gone, nohup);
        assert_eq!(hangup(false, false), Asked::Reload);
        assert_eq!(hangup(true, false), Asked::Stop);
        assert_eq!(hangup(true, true), Asked::Nothing);
        assert_eq!(hangup(false, true), Asked::Reload);
        for gone in [false, true] {
            assert_eq!(meaning(libc::SIGINT, gone, true), Asked::Stop);
            assert_eq!(meaning(libc::SIGTERM, gone, true), Asked::Stop);
        }
    }

    /// As a shell hands it on, or sudo: sent by a process, after the terminal has closed.
    #[test]
    fn a_hangup_that_is_handed_on_is_a_stop_if_the_terminal_is_gone() {
        let thread = std::thread::spawn(|| {
            let pty = nix::pty::openpty(None, None).expect("a terminal");
            let mut shutdown = Shutdown::install().expect("a signalfd");
            shutdown.nohup = false;
            shutdown.terminal = Some(pty.slave);
            let send = || pthread_kill(pthread_self(), Signal::SIGHUP).expect("sends");
            send();
            assert_eq!(shutdown.asked().expect("reads"), Asked::Reload);
            drop(pty.master);
            send();
            assert_eq!(shutdown.asked().expect("reads"), Asked::Stop);
        });
        thread.join().expect("passes");
    }

    #[test]
    fn a_hangup_from_another_session_is_handed_on_by_nobody() {
        let mut other = std::process::Command::new("setsid")
            .args(["sleep", "60"])
            .spawn()
            .expect("starts");
        let pid = other.id() as i32;
        while getsid(Some(Pid::from_raw(pid))) == getsid(None) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(!is_handed_on(pid));
        assert!(is_handed_on(std::process::id() as i32));
        other.kill().expect("ends");
        other.wait().expect("has ended");
        assert!(is_handed_on(pid));
    }

    /// Under nohup and without: this test runs in both.
    #[test]
    fn nohup_is_what_the_kernel_says_of_a_hangup() {
        let status = std::fs::read_to_string("/proc/self/status").expect("reads");
        let ignored = status.lines().find_map(|l| l.strip_prefix("SigIgn:"));
        let ignored = u64::from_str_radix(ignored.expect("a line").trim(), 16).expect("a number");
        assert_eq!(nohup(), ignored & (1 << (libc::SIGHUP - 1)) != 0);
    }

    /// As the kernel sends it when a terminal closes.
    fn hang_up() {
        // SAFETY: plain numbers, of which zeros are good.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        (info.si_signo, info.si_code) = (libc::SIGHUP, libc::SI_KERNEL);
        // SAFETY: reads the struct; a thread may send itself any code.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_rt_tgsigqueueinfo,
                libc::getpid(),
                libc::gettid(),
                libc::SIGHUP,
                &raw const info,
            )
        };
        assert_eq!(sent, 0, "{}", std::io::Error::last_os_error());
    }

    #[test]
    fn under_nohup_the_end_of_the_terminal_ends_no_wait() {
        const WAIT: Duration = Duration::from_millis(20);
        let thread = std::thread::spawn(|| {
            let mut shutdown = Shutdown::install().expect("a signalfd");
            shutdown.nohup = true;
            hang_up();
            let begin = Instant::now();
            assert!(!shutdown.ends_within(WAIT));
            assert!(begin.elapsed() >= WAIT);
            hang_up();
            pthread_kill(pthread_self(), Signal::SIGTERM).expect("sends");
            assert!(shutdown.ends_within(WAIT));
            shutdown.nohup = false;
            hang_up();
            assert!(shutdown.ends_within(WAIT));
        });
        thread.join().expect("passes");
    }

    #[test]
    fn hangup_is_no_stop() {
        // The mask is a thread's own: one that ends here.
        let thread = std::thread::spawn(|| {
            let shutdown = Shutdown::install().expect("a signalfd");
            let send = |s| pthread_kill(pthread_self(), s).expect("sends");
            assert_eq!(shutdown.asked().expect("reads"), Asked::Nothing);
            let wait = || shutdown.wait(Duration::ZERO).expect("waits");
            assert_eq!(wait(), Asked::Nothing);
            send(Signal::SIGHUP);
            assert_eq!(wait(), Asked::Reload);
            send(Signal::SIGHUP);
            assert_eq!(shutdown.asked().expect("reads"), Asked::Reload);
            send(Signal::SIGHUP);
            send(Signal::SIGTERM);
            assert_eq!(shutdown.asked().expect("reads"), Asked::Stop);
        });
        thread.join().expect("passes");
    }
}
