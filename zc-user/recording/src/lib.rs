//! Recordings: snapshots kept in a file, and read back as a [`source`](zc_model::source).
//!
//! A recording is a log of [`frame`]s that is only appended to: what was written before a crash, a full disk or
//! a flipped bit stays readable, and so does what comes after it. A *chunk* is a snapshot (the key) and what differs
//! from it in the ticks that follow, so any moment is read from two frames.

pub mod delta;
pub mod frame;
pub mod meta;
pub mod moment;
pub mod past;
mod plausible;
pub mod reader;
pub mod replay;
pub mod ring;
mod skim;
mod span;
pub mod writer;

pub use self::{
    meta::{Mark, Meta},
    moment::NoMoment,
    past::{Memory, Past},
    reader::{Damage, Recording, Unreadable},
    replay::{Growth, Replay},
    ring::Ring,
    writer::Writer,
};

/// The most bytes that one snapshot may take when it is unpacked. Of processes, its number of values is the bound, see
/// [`skim`].
const MOST_UNPACKED: usize = 128 << 20;
