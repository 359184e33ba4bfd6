//! What is on the screen, to be handed on to another person.

use anyhow::Result;
use zc_model::{filter::Filter, frame::Frame};

/// What is on the screen.
pub struct Seen<'a> {
    /// The screen as text, a line each.
    pub screen: &'a str,
    /// All that was counted in an interval.
    pub frame: &'a Frame,
    /// What of it is selected.
    pub selection: &'a Filter,
    /// The filter that was typed; empty if there is none.
    pub typed: &'a str,
    /// The column that sorts, by its id, and whether from large to small.
    pub order: Option<(&'static str, bool)>,
}

/// Keeps what is handed on.
pub trait HandOn {
    /// Keeps it, and says where.
    ///
    /// # Errors
    /// When it cannot be kept, in words for the user.
    fn save(&mut self, seen: &Seen<'_>) -> Result<String>;

    /// The command line that shows the same again.
    fn command(&self, seen: &Seen<'_>) -> String;
}
