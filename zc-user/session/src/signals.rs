//! The signals that end a session, and those of job control.

use std::{fs, future::pending};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::stall;

/// A signal that asks a session to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    Hangup,
}

impl Ending {
    /// The signal's number.
    #[must_use]
    pub fn number(self) -> i32 {
        self.kind().as_raw_value()
    }

    fn kind(self) -> SignalKind {
        match self {
            Self::Interrupt => SignalKind::interrupt(),
            Self::Terminate => SignalKind::terminate(),
            Self::Hangup => SignalKind::hangup(),
        }
    }
}

/// SIGINT, SIGTERM and SIGHUP, taken over from the kernel's defaults until the process ends.
///
/// SIGHUP stays ignored where `nohup` had it ignored.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes over the three signals.
    ///
    /// # Errors
    /// When the event loop cannot watch signals.
    pub fn new() -> Result<Self> {
        let watch = |ending: Ending| signal(ending.kind()).context("cannot watch for signals");
        let hangup =
            if is_ignored(SignalKind::hangup()) { None } else { Some(watch(Ending::Hangup)?) };
        let (interrupt, terminate) = (watch(Ending::Interrupt)?, watch(Ending::Terminate)?);
        let mut watched = vec![Ending::Interrupt.number(), Ending::Terminate.number()];
        watched.extend(hangup.as_ref().map(|_| Ending::Hangup.number()));
        stall::watch(watched)?;
        Ok(Self { interrupt, terminate, hangup })
    }

    /// The next of them to arrive.
    pub async fn next(&mut self) -> Ending {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Ending::Terminate,
            _ = self.interrupt.recv() => Ending::Interrupt,
            _ = hangup => Ending::Hangup,
        }
    }
}

/// Whether the parent process started this one with the signal ignored.
fn is_ignored(kind: SignalKind) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (kind.as_raw_value() - 1) & 1 != 0)
}
