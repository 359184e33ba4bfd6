//! Recordings in the forms that other programs read.
//!
//! Each form takes one interval after the other, so that memory is bounded however long a recording is.

#[cfg(feature = "parquet")]
pub mod parquet;
pub mod perfetto;

/// What a recording says of itself.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Keys and values: who recorded what, when, where.
    pub facts: Vec<(String, String)>,
}
