//! Processes that the lab starts, and the directory of their files: none outlives the lab.

pub mod child;
pub mod network;
pub mod scratch;
