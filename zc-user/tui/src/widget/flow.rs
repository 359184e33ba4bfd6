//! Labelled values that flow over the lines they are given.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

/// A label with its value. `width` is what the pair takes at least, so that the next pair stays
/// where it is while the value changes.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The label.
    pub label: String,
    /// The value.
    pub value: String,
    /// The value's look.
    pub style: Style,
    /// Room for the value.
    pub width: usize,
}

/// The lines that `pairs` take at this width.
#[must_use]
pub fn lines(pairs: &[Pair], width: u16) -> u16 {
    let most = u16::try_from(pairs.len()).unwrap_or(u16::MAX);
    let area = Rect::new(0, 0, width, most);
    draw(pairs, Style::new(), area, &mut Buffer::empty(area))
}

/// Draws `pairs` in their order, as many as fit, two blanks apart; returns the lines used.
pub fn draw(pairs: &[Pair], label: Style, area: Rect, buf: &mut Buffer) -> u16 {
    let (mut x, mut y) = (area.left(), area.top());
    let mut used = 0;
    for pair in pairs {
        let line = Line::from(vec![
            Span::styled(&pair.label, label),
            Span::raw(if pair.label.is_empty() { "" } else { " " }),
            Span::styled(&pair.value, pair.style),
        ]);
        let natural = line.width();
        let reserved = Span::raw(&pair.label).width() + usize::from(!pair.label.is_empty());
        let width = u16::try_from(natural.max(reserved + pair.width)).unwrap_or(u16::MAX);
        if x > area.left() && x.saturating_add(width) > area.right() {
            (x, y) = (area.left(), y + 1);
        }
        if y >= area.bottom() {
            break;
        }
        buf.set_line(x, y, &line, area.right().saturating_sub(x));
        used = y - area.top() + 1;
        x = x.saturating_add(width).saturating_add(2);
    }
    used
}
