//! Typing a filter.

use ratatui::layout::Rect;

use super::{Mode, Shell, keys::Action};
use crate::view::chrome::Areas;

impl Shell<'_> {
    /// Does what a key asks for that is about the filter's line as a whole.
    pub(super) fn type_filter(&mut self, action: Action) {
        match action {
            Action::EditFilter => self.context.filter.start(),
            Action::Recall { older } => self.context.filter.recall(older),
            Action::Complete { backwards } => self.context.complete_filter(backwards),
            _ => {}
        }
        self.arrange();
    }

    /// The parts of the screen: while a filter is typed, its line has another below it.
    pub(super) fn areas(&self, screen: Rect) -> Option<Areas> {
        /// Pages keep at least so many lines.
        const LEAST: u16 = 3;
        let mut areas = self.chrome().areas(screen)?;
        if self.mode() == Mode::Line && areas.body.height > LEAST {
            areas.body.height -= 1;
            areas.footer.y -= 1;
            areas.footer.height += 1;
        }
        Some(areas)
    }
}
