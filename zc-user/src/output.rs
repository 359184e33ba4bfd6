//! The model as bytes: text, JSON, CSV.
