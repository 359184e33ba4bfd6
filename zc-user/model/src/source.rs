//! Where snapshots come from: live probes, a recording, or a fixture.

use std::time::Duration;

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

    /// Housekeeping that must not wait for the next snapshot, such as recycling the slots of
    /// exited threads. Called a few times a second.
    ///
    /// # Errors
    /// As for [`Self::next`].
    fn tend(&mut self) -> Result<()> {
        Ok(())
    }
}
