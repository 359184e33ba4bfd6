//! The model as bytes: text, JSON, CSV.

pub mod human;
pub mod sanitize;
