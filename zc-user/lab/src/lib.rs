//! The lab: every mechanism of the textbooks as a real workload, theory beside measurement.
//!
//! [`catalog`] lists the scenarios. [`run`] repeats one in turns with the baseline; a
//! round is a worker process (`worker`) that moves the payload into a sink, at whose far
//! end a peer process (`peer`) checks what arrived. What the worker did between two stops is
//! the difference of two snapshots of an ordinary [`SnapshotSource`]: the lab has no counters of
//! its own. [`metric`] is the table that every output reads, [`verdict`] compares.
//!
//! [`SnapshotSource`]: zc_model::source::SnapshotSource

pub mod catalog;
pub mod child;
pub mod comparison;
mod direct;
pub mod evidence;
pub mod fetch;
pub mod finding;
pub mod form;
pub mod hazard;
mod image;
pub mod measurement;
mod mechanism;
mod memory;
pub mod metric;
pub mod need;
mod payload;
pub mod peer;
pub mod picture;
pub mod program;
mod ring;
mod round;
pub mod run;
pub mod scenario;
pub mod scratch;
pub mod screen;
mod server;
pub mod sink;
pub mod stage;
pub mod tour;
pub mod verdict;
pub mod worker;
