//! What the tests of several crates share: recorded snapshots, a machine whose every figure is known,
//! and dashboards that scripted keys drive. A development dependency only.

#![expect(
    missing_docs,
    clippy::unwrap_used,
    reason = "support for tests: names say it, and tests panic"
)]

pub mod fixtures;
pub mod machine;
pub mod session;
