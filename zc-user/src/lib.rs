//! `zc`: where the CPU copies data, for whom, and which of those copies did not have to happen.
//!
//! Data flows one way: [`probe`] (kernel maps) and [`proc`] (names) make a [`sample::snapshot`],
//! [`model`] derives from snapshots, [`output`] and [`tui`] show the model. `model` knows nothing
//! of eBPF or of the screen; `output` and `tui` know nothing of the probes.

pub mod cli;
pub mod commands;
pub mod demo;
pub mod lab;
pub mod model;
pub mod output;
mod privilege;
pub mod probe;
pub mod proc;
pub mod sample;
pub mod tui;
