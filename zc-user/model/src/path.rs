//! What is known of each copy path without measuring, by the table of [`zc_common::path`].

pub use zc_common::path::Flow;
use zc_common::path::{CopyPath, PathGroup};

/// The group the path is listed in.
#[must_use]
pub const fn group(path: CopyPath) -> PathGroup {
    path.group()
}

/// Which way the path carries payload.
#[must_use]
pub const fn flow(path: CopyPath) -> Flow {
    path.flow()
}

/// See [`CopyPath::is_pseudo`].
#[must_use]
pub const fn is_pseudo(path: CopyPath) -> bool {
    path.is_pseudo()
}

/// See [`CopyPath::is_mapped`].
#[must_use]
pub const fn is_mapped(path: CopyPath) -> bool {
    path.is_mapped()
}
