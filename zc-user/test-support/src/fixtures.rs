//! Snapshots of this crate's `fixtures` directory.

use std::path::Path;

use zc_model::{fixture::Fixture, frame::Frame, snapshot::Snapshot, source::SnapshotSource as _};

/// The snapshots of the fixture of this name.
///
/// # Panics
/// When there is no such fixture, or it holds no snapshots.
#[must_use]
pub fn snapshots(name: &str) -> Vec<Snapshot> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    let mut fixture = Fixture::open(&path.with_extension("json")).expect("a fixture");
    std::iter::from_fn(|| fixture.next().expect("a snapshot")).collect()
}

/// All that the fixture counted.
///
/// # Panics
/// As [`snapshots`].
#[must_use]
pub fn whole(name: &str) -> Frame {
    Frame::cumulative(snapshots(name).pop().expect("a fixture with a snapshot"))
}

/// The last interval of the fixture.
///
/// # Panics
/// As [`snapshots`], and when there is only one.
#[must_use]
pub fn last(name: &str) -> Frame {
    let snapshots = snapshots(name);
    let [.., previous, next] = &snapshots[..] else { panic!("'{name}' has one snapshot") };
    Frame::between(previous, next)
}
