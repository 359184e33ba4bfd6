//! What differs between two runs, or two recordings, and whether that is more than their spread.
//!
//! A [`Series`] sums up the frames of one side into [`Observation`]s: one per run, or one per stretch of a recording.
//! An [`Estimate`] is a [`Quantity`] per byte of payload, per second or per run, with its standard error. A
//! [`Comparison`] judges every quantity that both sides have. It claims a change only where chance alone would claim
//! any, of all quantities together, in at most one of twenty comparisons of equal sides, and where the change is
//! large enough to matter.

mod comparison;
mod condition;
mod estimate;
mod judge;
mod observation;
mod quantity;
mod series;
mod side;
mod student;

pub use self::{
    comparison::{Basis, Comparison, Figure, Options, Payload, Section, Verdict},
    condition::{Condition, Met},
    estimate::Estimate,
    observation::Observation,
    quantity::{Class, Quantity},
    series::{Kind, Series},
    side::Mean,
};

#[cfg(test)]
mod tests;
