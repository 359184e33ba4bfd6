//! A recording as a source of snapshots.

use std::time::Duration;

use anyhow::Result;
use zc_model::{snapshot::Snapshot, source::SnapshotSource};

use crate::Recording;

/// Plays a recording, at its own pace or another one.
pub struct Replay {
    recording: Recording,
    next: usize,
    speed: f64,
}

impl Replay {
    /// From the beginning, `speed` times as fast as it was recorded.
    #[must_use]
    pub const fn new(recording: Recording, speed: f64) -> Self {
        Self { recording, next: 0, speed }
    }

    /// The recording.
    #[must_use]
    pub const fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Goes on with the last snapshot that was taken at `at_ns` (ns since the Unix epoch) or before, or with the first
    /// one.
    pub fn seek(&mut self, at_ns: u64) {
        let is_before =
            |index: &usize| self.recording.taken_at_ns(*index).is_some_and(|at| at <= at_ns);
        self.next = (0..self.recording.len()).rev().find(is_before).unwrap_or(0);
    }

    /// The time between the snapshot before the next one and that.
    fn gap(&self) -> Option<Duration> {
        let before = self.recording.taken_at_ns(self.next.checked_sub(1)?)?;
        let next = self.recording.taken_at_ns(self.next)?;
        Some(Duration::from_nanos(next.saturating_sub(before)))
    }
}

impl SnapshotSource for Replay {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        let snapshot = self.recording.snapshot(self.next)?;
        if snapshot.is_some() {
            self.next += 1;
        }
        Ok(snapshot)
    }

    fn pace(&self) -> Option<Duration> {
        let own = Duration::from_nanos(self.recording.interval_ns());
        Some(self.gap().unwrap_or(own).div_f64(self.speed))
    }
}
