//! `zc`: where the CPU copies data, for whom, and which of those copies did not have to happen.
//!
//! Data flows one way: [`zc_probe`] makes snapshots of kernel maps, [`zc_model`] derives from snapshots,
//! [`zc_render`] and [`zc_tui`] show the model.

pub mod cli;
pub mod commands;
pub mod demo;
pub mod lab;
pub mod output;
pub mod screen;
