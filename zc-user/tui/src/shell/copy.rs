//! The selected line as text, with what a reader needs to understand it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use zc_render::{sanitize::width, theme::Theme};

use super::Shell;

/// Lines of which the first begins with what is counted on which machine.
const HEADER: u16 = 1;

impl Shell<'_> {
    /// The first line of the header, then the selected line below its headings; on a page that selects nothing, all
    /// that is on the screen of it. `None` on a screen that is too small for a page.
    #[must_use]
    pub fn selected_text(&self, area: Rect) -> Option<String> {
        let areas = self.areas(area)?;
        let mut buf = Buffer::empty(area);
        self.draw(area, &mut buf);
        let mut lines = vec![line(&buf, Rect { height: HEADER, ..area })];
        lines.push(String::new());
        match selected(&buf, areas.body, self.context.theme()) {
            Some(row) => {
                let head = headings(&buf, areas.body, row, self.context.theme().head());
                lines.extend(head.map(|head| line(&buf, head)));
                lines.push(line(&buf, row));
            }
            None => {
                let body = areas.body;
                lines.extend(body.rows().map(|row| line(&buf, row)));
            }
        }
        let mut text = String::new();
        for line in lines {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        // What is below the text of a page is empty.
        text.truncate(text.trim_end().len() + 1);
        Some(text)
    }
}

/// The part of a line that is drawn as selected. Tables begin at the left edge; other things that are in reverse, as
/// the line that says that there is more, do not.
fn selected(buf: &Buffer, body: Rect, theme: Theme) -> Option<Rect> {
    body.rows().find_map(|row| {
        let is_selected = |x: &u16| theme.is_in_selected_row(buf[(*x, row.y)].style());
        let right = (row.left()..row.right()).take_while(is_selected).last()?;
        Some(Rect { width: right + 1 - row.left(), ..row })
    })
}

/// The headings of a row: the nearest line above it that begins with a heading.
fn headings(buf: &Buffer, body: Rect, row: Rect, style: Style) -> Option<Rect> {
    let is_head = |y: &u16| {
        let mut cells = (row.left()..row.right()).map(|x| &buf[(x, *y)]);
        let first = cells.find(|cell| cell.symbol() != " ");
        first.is_some_and(|cell| {
            cell.modifier.contains(Modifier::BOLD)
                && style.fg.is_none_or(|foreground| cell.fg == foreground)
        })
    };
    let y = (body.top()..row.y).rev().find(is_head)?;
    Some(Rect { y, ..row })
}

/// The text of a line.
pub(super) fn line(buf: &Buffer, area: Rect) -> String {
    let mut line = String::new();
    let mut x = area.left();
    while x < area.right() {
        let symbol = buf[(x, area.y)].symbol();
        line.push_str(symbol);
        // What follows a wide character is a part of it.
        x += u16::try_from(width(symbol)).unwrap_or(1).max(1);
    }
    line.truncate(line.trim_end().len());
    line
}
