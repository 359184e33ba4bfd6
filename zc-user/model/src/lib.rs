//! What was counted, and everything that is derived from it: pure functions from snapshots to what
//! is shown. No eBPF, no terminal, no clock, no runtime: `cargo xtask ci` checks the dependencies.
//!
//! A [`source`] (the probes, a recording, a fixture) gives [`snapshot`]s: cumulative, serialisable,
//! nothing derived. A [`frame`] is the difference of two, and everything else reads frames. Modules
//! do not import each other in a circle: `tests/imports.rs` checks that.

pub mod advice;
pub mod column;
pub mod counter;
pub mod diff;
pub mod expectation;
pub mod filter;
pub mod fixture;
pub mod flow;
pub mod frame;
pub mod group;
pub mod history;
pub mod home;
pub mod how;
pub mod id;
pub mod ledger;
pub mod object;
pub mod path;
pub mod picture;
pub mod quick;
pub mod row;
pub mod snapshot;
pub mod sort;
pub mod source;
pub mod stack;
pub mod tax;
pub mod user_copies;
pub mod value;
pub mod watch;
pub mod zerocopy;
