//! `zc`: where the CPU copies data, for whom, and which of those copies did not have to happen.
//!
//! Data flows one way: [`probe`] (kernel maps) and [`proc`] (names) make a [`zc_model::snapshot`],
//! [`zc_model`] derives from snapshots, [`output`] and [`tui`] show the model. `output` and `tui` know
//! nothing of the probes.

pub mod cli;
pub mod commands;
pub mod demo;
pub mod lab;
pub mod output;
pub mod probe;
pub mod proc;
pub mod tui;
