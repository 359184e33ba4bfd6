//! The lab: textbook mechanisms as real workloads, and theory compared with measurement.
//!
//! Folders are the stages through which a figure passes:
//!
//! - [`workload`](catalog): the scenarios and what they run;
//! - [`run`]: a round is a worker process that moves the payload into a [`sink`], and a receiver that
//!   verifies what arrived. What the worker did between two stops is the difference of two snapshots
//!   of an ordinary [`SnapshotSource`]: the lab has no counters of its own;
//! - [`judge`](verdict): measurement, [`finding`] and verdict; [`metric`] is the table that every
//!   output reads;
//! - [`mystery`] is an exercise: three programs, of which one copies too much;
//! - [`language`]: which one the tour and the exercise speak; their sentences are tables;
//! - [`form`] writes findings, [`tour`] is the guided tour and [`screen`] draws it.
//!
//! [`SnapshotSource`]: zc_model::source::SnapshotSource

pub mod form;
pub mod hazard;
mod judge;
pub mod language;
pub mod metric;
pub mod mystery;
mod process;
pub mod run;
pub mod screen;
pub mod sink;
pub mod tour;
pub mod unsupported;
mod workload;

pub use self::{
    judge::{comparison, evidence, finding, measurement, picture, sampled, verdict},
    process::{child, network, scratch},
    run::{fetch, receiver, rights, worker},
    workload::{catalog, job, need, program, scenario},
};
