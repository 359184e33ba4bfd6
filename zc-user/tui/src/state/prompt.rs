//! A line being typed that is not looked at before it is complete.

use crate::line::Line;

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The moment to go to.
    Moment,
    /// A name for the moment that is shown.
    Mark,
}

/// What is typed, and what was wrong with it when it was last accepted.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What it is for.
    pub wanted: Wanted,
    /// The line.
    pub line: Line,
    /// What was wrong.
    pub error: Option<String>,
}

impl Prompt {
    /// An empty line for this.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, line: Line::default(), error: None }
    }
}
