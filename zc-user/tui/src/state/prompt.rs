//! A line being typed that is not looked at before it is complete.

use crate::line::Line;

/// What is typed, and what was wrong with it when it was last accepted.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// The line.
    pub line: Line,
    /// What was wrong.
    pub error: Option<String>,
}
