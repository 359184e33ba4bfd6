//! The model as something to read: units and marks, text tables, the picture of the copies, JSON, CSV.
//!
//! Knows neither where snapshots come from nor what shows them: no eBPF, no runtime, no terminal.
//! Strings from outside reach a terminal only through [`sanitize`].

pub mod advice;
pub mod cell;
pub mod counter;
pub mod csv;
pub mod diagram;
pub mod diff;
pub mod expectation;
pub mod folded;
pub mod human;
pub mod json;
mod palette;
pub mod paragraph;
pub mod plain;
pub mod pprof;
pub mod sanitize;
pub mod symbols;
pub mod table;
pub mod theme;
pub mod wrap;
