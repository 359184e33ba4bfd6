//! Reusable pieces of the screen.

pub mod flow;
pub mod grid;
pub mod sparkline;
