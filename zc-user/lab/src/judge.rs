//! What a round measured, the evidence for its figures, and how they compare with theory.

pub mod comparison;
pub mod evidence;
pub mod finding;
pub mod measurement;
pub mod picture;
pub mod sampled;
pub mod verdict;
