//! Where snapshots come from: live probes, a recording, or a fixture.

use std::{sync::Arc, time::Duration};

use anyhow::Result;

use crate::snapshot::Snapshot;

/// A stream of snapshots. Each is cumulative since the source began.
pub trait SnapshotSource {
    /// The next snapshot, or `None` at the end of a recording.
    ///
    /// Does not wait: a live source counts up to now, a replay returns its next frame. The caller
    /// paces the calls (see [`Self::pace`]).
    ///
    /// # Errors
    /// When the kernel or the file cannot be read; what was returned before stays valid.
    fn next(&mut self) -> Result<Option<Snapshot>>;

    /// How long to wait before the next call: `None` lets the caller decide (live).
    fn pace(&self) -> Option<Duration> {
        None
    }

    /// The moment of the snapshot that was given last, in a source that can be moved in.
    fn moment(&self) -> Option<Moment> {
        None
    }

    /// Moves to another moment. Snapshots are only given by [`Self::next`]: the caller takes as many as this says.
    ///
    /// # Errors
    /// When there is no such moment, in words for the user; then nothing has changed.
    fn steer(&mut self, _steer: &Steer) -> Result<Steered> {
        Ok(Steered::Same)
    }

    /// Housekeeping that must not wait for the next snapshot, such as recycling the slots of
    /// exited threads. Called a few times a second.
    ///
    /// # Errors
    /// As for [`Self::next`].
    fn tend(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Where to go in a source that keeps what was before.
#[derive(Clone, Debug, PartialEq)]
pub enum Steer {
    /// So many snapshots on, or back.
    Snapshots(i64),
    /// So many seconds on, or back.
    Seconds(i64),
    /// To the next mark.
    NextMark,
    /// To the mark before.
    PreviousMark,
    /// To the moment that the user names: a time or a mark.
    Named(String),
    /// To the last moment there is.
    Now,
    /// Not elsewhere: gives the moment a name.
    Mark(String),
    /// As fast as the next of the usual speeds.
    Faster,
    /// As fast as the one before.
    Slower,
}

/// What a source has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steered {
    /// It is the same: there is nothing to take.
    Same,
    /// The next snapshot follows the last one.
    Next,
    /// What follows has nothing to do with what was given before: so many snapshots are to be taken, of which the last
    /// one is that of the moment, and the others lead up to it.
    Elsewhere(usize),
}

/// A moment in a source that can be moved in.
#[derive(Clone, Debug, PartialEq)]
pub struct Moment {
    /// Times of the first snapshot, of the last one, and of the one that was given last: ns since the Unix epoch.
    pub first_ns: u64,
    /// See there.
    pub last_ns: u64,
    /// See there.
    pub at_ns: u64,
    /// How many times as fast as it happened.
    pub speed: f64,
    /// Whether more snapshots are being added.
    pub grows: bool,
    /// The marks that were set since the snapshot before, in one line.
    pub mark: Option<Arc<str>>,
}

/// A source has lost what it reads from, and goes on when that is back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Interrupted {
    /// What happened, for people.
    pub why: String,
    /// What comes from now on is counted from 0: it has nothing in common with the snapshots before.
    pub begins_again: bool,
}

impl Interrupted {
    /// Whether, after this error, the snapshots before are no baseline of those to come.
    #[must_use]
    pub fn has_begun_again(error: &anyhow::Error) -> bool {
        error.downcast_ref::<Self>().is_some_and(|it| it.begins_again)
    }
}
