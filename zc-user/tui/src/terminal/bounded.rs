//! A terminal of which no more is drawn on than a program can hold in memory.
//!
//! The size of a terminal is what a program says about it: up to 65,535 columns and rows, 4 billion cells,
//! of which each takes tens of bytes, twice.

use ratatui::{
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

/// The largest part that is drawn on: more than the largest screens show, and little enough to be drawn at once.
const MOST: Size = Size::new(1_000, 500);

/// The upper left part of a terminal.
pub struct Bounded<B>(pub B);

impl<B: Backend> Backend for Bounded<B> {
    type Error = B::Error;

    fn draw<'a, I>(&mut self, content: I) -> Result<(), Self::Error>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        self.0.draw(content)
    }

    fn append_lines(&mut self, lines: u16) -> Result<(), Self::Error> {
        self.0.append_lines(lines)
    }

    fn hide_cursor(&mut self) -> Result<(), Self::Error> {
        self.0.hide_cursor()
    }

    fn show_cursor(&mut self) -> Result<(), Self::Error> {
        self.0.show_cursor()
    }

    fn get_cursor_position(&mut self) -> Result<Position, Self::Error> {
        self.0.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> Result<(), Self::Error> {
        self.0.set_cursor_position(position)
    }

    fn clear(&mut self) -> Result<(), Self::Error> {
        self.0.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> Result<(), Self::Error> {
        self.0.clear_region(region)
    }

    fn size(&self) -> Result<Size, Self::Error> {
        let Size { width, height } = self.0.size()?;
        Ok(Size::new(width.min(MOST.width), height.min(MOST.height)))
    }

    fn window_size(&mut self) -> Result<WindowSize, Self::Error> {
        let size = self.0.window_size()?;
        Ok(WindowSize { columns_rows: self.size()?, ..size })
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, backend::TestBackend};

    use super::*;

    fn drawn(columns: u16, rows: u16) -> Size {
        let backend = Bounded(TestBackend::new(columns, rows));
        let mut terminal = Terminal::new(backend).unwrap();
        terminal.draw(|_| {}).unwrap().area.as_size()
    }

    #[test]
    fn no_more_is_drawn_on_than_the_largest_part() {
        assert_eq!(drawn(80, 24), Size::new(80, 24));
        assert_eq!(drawn(u16::MAX, 2), Size::new(1_000, 2));
        assert_eq!(drawn(3, u16::MAX), Size::new(3, 500));
    }
}
