//! Reusable pieces of the screen.

pub mod diagram;
pub mod flow;
pub mod grid;
pub mod sparkline;
