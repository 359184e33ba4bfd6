//! What a screen too small for a page still says.

use ratatui::{buffer::Buffer, layout::Rect};

use super::chrome::{Chrome, LEAST};
use crate::state::Context;

/// Draws the most important figure and how to get more, most important first.
pub fn draw(context: &Context, chrome: &dyn Chrome, area: Rect, buf: &mut Buffer) {
    let (width, height) = LEAST;
    let theme = context.theme();
    let lines = [
        ("terminal too small".to_owned(), theme.notice()),
        chrome.brief(context),
        (format!("needs {width}x{height}"), theme.dim()),
        ("q quits".to_owned(), theme.dim()),
    ];
    for ((text, style), y) in lines.iter().zip(area.top()..area.bottom()) {
        buf.set_stringn(area.x, y, text, usize::from(area.width), *style);
    }
}
