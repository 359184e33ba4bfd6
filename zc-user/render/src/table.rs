//! Text for people: what `zc stat` prints at the end, and `zc top --once`.
//!
//! 80 columns are enough, no colour is needed, and names are safe wherever the text ends up.

pub mod grid;
mod notes;
mod once;
mod stat;
mod zerocopy;

pub use self::{once::write_once, stat::write_stat};
