//! What the page on the screen wants to know beyond the frames.

use super::Shell;
use crate::{
    archive::Archive,
    inspect::{Answer, Question},
};

impl Shell<'_> {
    /// What is to be asked of the machine now.
    pub(crate) fn question(&self) -> Option<Question> {
        self.top().asks(&self.context).filter(|question| self.context.is_to_ask(*question))
    }

    /// What the machine says.
    pub(crate) fn answer(&mut self, question: Question, answer: Option<Answer>) {
        self.context.answered(question, answer);
    }

    /// Lets the page read what was before; whether there is something to draw.
    pub(crate) fn recall(&mut self, archive: &mut dyn Archive) -> bool {
        let Self { context, tabs, tab, above, .. } = self;
        let recalled = match above.last_mut() {
            Some(page) => page.recall(archive, context),
            None => tabs[*tab].recall(archive, context),
        };
        recalled.unwrap_or_else(|error| {
            self.context.complain(&error);
            true
        })
    }
}
