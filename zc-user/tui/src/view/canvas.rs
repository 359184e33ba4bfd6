//! Pages longer than the screen: drawn whole, shown in part.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::Line,
    widgets::{Clear, Widget as _},
};

use zc_render::{sanitize::width, theme::Theme, wrap};

/// A page under construction: as wide as the screen, as long as it takes.
pub struct Canvas {
    buf: Buffer,
    y: u16,
}

impl Canvas {
    /// An empty page.
    #[must_use]
    pub fn new(width: u16) -> Self {
        Self { buf: Buffer::empty(Rect::new(0, 0, width, 0)), y: 0 }
    }

    /// Cells per line.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.buf.area.width
    }

    /// Lines so far.
    #[must_use]
    pub fn height(&self) -> u16 {
        self.y
    }

    /// Adds a line of text, cut at the edge.
    pub fn line<'a>(&mut self, line: impl Into<Line<'a>>) {
        let (area, buf) = self.block(1);
        buf.set_line(area.x, area.y, &line.into(), area.width);
    }

    /// Adds text, broken between words, each line behind `indent` blanks.
    pub fn paragraph(&mut self, text: &str, indent: u16, style: Style) {
        let width = usize::from(self.buf.area.width.saturating_sub(indent)).max(10);
        for line in wrap::lines(text, width) {
            let (area, buf) = self.block(1);
            let room = usize::from(area.width.saturating_sub(indent));
            buf.set_stringn(area.x + indent, area.y, line, room, style);
        }
    }

    /// Adds a label, and text behind it that is indented as far as `indent`.
    pub fn item(&mut self, label: &str, look: Style, indent: u16, text: &str, style: Style) {
        let first = self.y;
        self.paragraph(text, indent, style);
        let room = usize::from(indent.min(self.width()));
        self.buf.set_stringn(0, first, label, room, look);
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.block(1);
    }

    /// The page as it is.
    #[must_use]
    pub const fn buffer(&self) -> &Buffer {
        &self.buf
    }

    /// Shows the part that begins at line `scrolled`, or the last part there is.
    pub fn show(&self, scrolled: u16, theme: Theme, area: Rect, buf: &mut Buffer) {
        self.show_saying(scrolled, &|lines| format!("{lines} more lines: Down"), theme, area, buf);
    }

    /// The same, with other words for so many lines that are not shown.
    pub fn show_saying(
        &self,
        scrolled: u16,
        more: &dyn Fn(u16) -> String,
        theme: Theme,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let hidden = self.height().saturating_sub(area.height);
        let offset = scrolled.min(hidden);
        let lines = area.height.min(self.height());
        self.copy(offset, Rect { height: lines, ..area }, buf);
        if offset < hidden && area.height > 0 {
            // This line is not shown either.
            let more = format!(" {} ", more(hidden - offset + 1));
            let width = u16::try_from(width(&more)).unwrap_or(0).min(area.width);
            let last = Rect { y: area.bottom() - 1, height: 1, ..area };
            Clear.render(last, buf);
            let x = area.right() - width;
            buf.set_stringn(x, last.y, &more, usize::from(width), theme.selected());
        }
    }

    /// Shows as much of the beginning as there is room for; what is cut off says so.
    pub fn show_beginning(&self, theme: Theme, area: Rect, buf: &mut Buffer) {
        let lines = area.height.min(self.height());
        let text = Rect { height: lines, width: area.width.min(self.width()), ..area };
        self.copy(0, text, buf);
        if self.height() > lines && !area.is_empty() {
            let (x, y) = (area.right() - 1, area.bottom() - 1);
            // No half of a wide character before it.
            if area.width > 1
                && let Some(before) =
                    buf.cell_mut((x - 1, y)).filter(|cell| width(cell.symbol()) > 1)
            {
                before.set_symbol(" ");
            }
            buf.set_stringn(x, y, theme.symbols.ellipsis, 1, theme.dim());
        }
    }

    /// Copies the cells from line `offset` on, and no half of a wide character.
    fn copy(&self, offset: u16, area: Rect, buf: &mut Buffer) {
        let columns = area.width.min(self.width());
        for at in (Rect { width: columns, ..area }).positions() {
            let x = at.x - area.x;
            if let (Some(to), Some(from)) =
                (buf.cell_mut(at), self.buf.cell((x, at.y - area.y + offset)))
            {
                *to = from.clone();
                if usize::from(columns - x) < width(from.symbol()) {
                    to.set_symbol(" ");
                }
            }
        }
    }

    /// Adds `height` lines to draw on.
    pub fn block(&mut self, height: u16) -> (Rect, &mut Buffer) {
        let width = self.buf.area.width;
        let area = Rect::new(0, self.y, width, height);
        self.y = self.y.saturating_add(height);
        self.buf.resize(Rect::new(0, 0, width, self.y));
        (area, &mut self.buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shines_through_the_line_that_says_that_there_is_more() {
        let theme = Theme::new(true, true);
        let mut canvas = Canvas::new(30);
        for _ in 0..5 {
            canvas.paragraph("dim text all the way to the edge", 0, theme.dim());
        }
        let area = Rect::new(0, 0, 30, 4);
        let mut buf = Buffer::empty(area);
        canvas.show(0, theme, area, &mut buf);
        let last: String = (0..30).map(|x| buf[(x, 3)].symbol()).collect();
        assert_eq!(last.trim(), "7 more lines: Down");
        for x in 0..30 {
            let is_dim = buf[(x, 3)].modifier.contains(ratatui::style::Modifier::DIM);
            assert!(!is_dim, "cell {x}");
        }
    }
}
