//! What a screen too small for the dashboard still says.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{header, layout};
use crate::state::State;

/// Draws the copied bytes and how to get more, most important first.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) {
    let (width, height) = layout::LEAST;
    let theme = state.theme();
    let copied = header::copied(state);
    let lines = [
        ("terminal too small".to_owned(), theme.notice()),
        (format!("copied {copied}"), theme.copied()),
        (format!("needs {width}x{height}"), theme.dim()),
        ("q quits".to_owned(), theme.dim()),
    ];
    for ((text, style), y) in lines.iter().zip(area.top()..area.bottom()) {
        buf.set_stringn(area.x, y, text, usize::from(area.width), *style);
    }
}
