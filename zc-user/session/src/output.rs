//! Where snapshots go.

use std::{
    task::{Context, Poll},
    time::Duration,
};

use anyhow::Result;
use zc_model::{
    snapshot::Snapshot,
    source::{Moment, Steer},
};

use crate::signals::Ending;

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It ends, as intended.
    End,
}

/// What a session drives snapshots to: a report, lines on a pipe, a dashboard.
pub trait Output {
    /// What this output can receive apart from snapshots: a key, the end of a command.
    type Event;

    /// How long after the last snapshot the next one is due; `None` when the output needs no more.
    /// `pace` is what the source asks for: a recording has its own.
    fn wait(&mut self, pace: Option<Duration>) -> Option<Duration>;

    /// Takes the next snapshot: `None` at the end of a recording.
    ///
    /// # Errors
    /// When the session must fail: the source's error, or one of writing.
    fn receive(&mut self, snapshot: Result<Option<Snapshot>>) -> Result<Flow>;

    /// Takes a snapshot that only leads up to the one of the moment that was moved to.
    ///
    /// # Errors
    /// As for [`Self::receive`].
    fn lead_up(&mut self, _snapshot: Result<Option<Snapshot>>) -> Result<()> {
        Ok(())
    }

    /// Where in the source to go, if somewhere else. Asked for after each event.
    fn steer(&mut self) -> Option<Steer> {
        None
    }

    /// The source has been steered: `moved` if what comes now has nothing to do with what came before.
    ///
    /// # Errors
    /// When the session must fail; that there is no such moment does not have to.
    fn steered(&mut self, _moved: Result<bool>) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// Learns of which moment the next snapshot that it takes is, if it can be moved in.
    fn at(&mut self, _moment: Option<Moment>) {}

    /// Called a few times a second, after the source has done its housekeeping.
    ///
    /// # Errors
    /// When the session must fail.
    fn tended(&mut self, outcome: Result<()>) -> Result<Flow> {
        outcome.map(|()| Flow::Continue)
    }

    /// Goes on with what the output does by itself; ready when there is something new. It ends when the
    /// session does, wherever it is.
    fn poll(&mut self, _task: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    /// Called after [`Self::poll`] was ready.
    ///
    /// # Errors
    /// When the session must fail.
    fn advanced(&mut self) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// Takes a signal that asks the session to end.
    ///
    /// # Errors
    /// When the session must fail.
    fn signal(&mut self, _signal: Ending) -> Result<Flow> {
        Ok(Flow::End)
    }

    /// Takes an event of its own.
    ///
    /// # Errors
    /// When the session must fail.
    fn event(&mut self, event: Self::Event) -> Result<Flow>;
}
