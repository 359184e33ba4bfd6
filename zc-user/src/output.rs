//! The model as bytes: text, JSON, CSV.

pub mod advice;
pub mod csv;
pub mod human;
pub mod json;
pub mod lab;
pub mod metrics;
mod paragraph;
pub mod sanitize;
pub mod table;
