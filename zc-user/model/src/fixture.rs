//! Snapshots from a JSON file: what tests feed to every output.

#[cfg(any(test, feature = "sketch"))]
pub mod sketch;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use crate::{snapshot::Snapshot, source::SnapshotSource};

/// Plays a fixed list of snapshots once.
pub struct Fixture {
    snapshots: std::vec::IntoIter<Snapshot>,
}

impl Fixture {
    /// A fixture of these snapshots.
    #[must_use]
    pub fn new(snapshots: Vec<Snapshot>) -> Self {
        Self { snapshots: snapshots.into_iter() }
    }

    /// Reads a file that holds a JSON array of snapshots.
    ///
    /// # Errors
    /// When the file cannot be read or is not such an array.
    pub fn open(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read fixture '{}'", path.display()))?;
        let snapshots = serde_json::from_str(&text)
            .with_context(|| format!("cannot read snapshots from fixture '{}'", path.display()))?;
        Ok(Self::new(snapshots))
    }
}

impl SnapshotSource for Fixture {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        Ok(self.snapshots.next())
    }
}
