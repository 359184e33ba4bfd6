//! What was counted, in the form that is recorded and replayed: cumulative and never derived.

pub mod counter;
pub mod fixture;
pub mod snapshot;
pub mod source;
