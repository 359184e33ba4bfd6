//! What can be run: the scenarios, the mechanisms and programs behind them, and what those need.

pub mod catalog;
mod direct;
mod image;
pub mod job;
pub(crate) mod kernel;
pub(crate) mod mechanism;
mod memory;
pub mod need;
pub(crate) mod payload;
pub mod program;
mod ring;
pub mod scenario;
