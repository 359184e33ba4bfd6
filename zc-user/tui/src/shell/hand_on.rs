//! What is on the screen, as others are to have it.

use anyhow::Result;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Shell, copy};
use crate::hand_on::Seen;

impl Shell<'_> {
    /// What was asked for has been done, or not.
    pub(crate) fn say(&mut self, done: Result<String>) {
        self.context.say(done);
    }

    /// The screen as text.
    #[must_use]
    pub fn text(&self, area: Rect) -> String {
        let mut buf = Buffer::empty(area);
        self.draw(area, &mut buf);
        let mut text = String::new();
        for row in area.rows() {
            text.push_str(&copy::line(&buf, row));
            text.push('\n');
        }
        text
    }

    /// Shows `look` what is on the screen. `None` before the first frame.
    pub(crate) fn seen<T>(&self, screen: &str, look: impl FnOnce(&Seen<'_>) -> T) -> Option<T> {
        let frame = self.context.frame()?;
        let typed = self.context.filter().text();
        let order = self.top().order().and_then(|order| {
            let columns = self.top().columns();
            columns.get(order.column).and_then(|it| it.id).map(|id| (id, order.descending))
        });
        let selection = self.context.selection();
        let seen = Seen { screen, frame, selection: &selection, typed, order };
        Some(look(&seen))
    }
}
