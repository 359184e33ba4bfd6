//! What the lab and the documents show.

pub mod lab;
pub mod metrics;
