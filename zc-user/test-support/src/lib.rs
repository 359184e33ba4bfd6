//! What the tests of several crates share: recorded snapshots, a machine whose every figure is known,
//! dashboards that scripted keys drive; and, for tests of the binary, how to run it and what a test needs.
//! A development dependency only.
#![expect(
    missing_docs,
    clippy::unwrap_used,
    reason = "support for tests: names say it, and tests panic"
)]

pub mod agreement;
pub mod cells;
pub mod child;
pub mod fixtures;
pub mod gate;
pub mod listed;
pub mod machine;
pub mod picture;
pub mod pty;
pub mod report;
pub mod requirement;
pub mod runner;
pub mod session;
pub mod showcase;
pub mod stage;
pub mod zc;
