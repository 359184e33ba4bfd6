//! What was counted before the frame on the screen, where that is kept.

use anyhow::Result;
use zc_model::snapshot::Snapshot;

/// Snapshots, the oldest first. Each is read when it is taken.
pub type Snapshots = Box<dyn Iterator<Item = Result<Snapshot>>>;

/// Keeps what was counted.
pub trait Archive {
    /// The last `most` snapshots of those that were taken at `at_ns`, since the Unix epoch, or before.
    ///
    /// # Errors
    /// When nothing is kept, or it cannot be read.
    fn until(&mut self, at_ns: u64, most: usize) -> Result<Snapshots>;
}
