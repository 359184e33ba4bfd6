//! A drawing as lines of text, for outputs that are no screen.

use std::fmt::Write as _;

use crate::sanitize::width;
use ratatui::{
    backend::IntoCrossterm as _,
    buffer::Buffer,
    style::{Color, Style},
    text::Line,
};

/// The lines of `buf` without blanks at their ends, each with a line feed; with escape sequences
/// for the styles if `color`.
#[must_use]
pub fn text(buf: &Buffer, color: bool) -> String {
    let mut text = String::new();
    for row in buf.content().chunks(usize::from(buf.area().width).max(1)) {
        let used = row.iter().rposition(|cell| cell.symbol() != " ").map_or(0, |at| at + 1);
        // The cells behind a wide character are part of it.
        let mut hidden = 0;
        let shown = row[..used].iter().filter(|cell| {
            let is_hidden = hidden > 0;
            hidden = if is_hidden { hidden - 1 } else { width(cell.symbol()).saturating_sub(1) };
            !is_hidden
        });
        let shown: Vec<_> = shown.collect();
        for run in shown.chunk_by(|a, b| a.style() == b.style()) {
            let signs: String = run.iter().map(|cell| cell.symbol()).collect();
            push(&mut text, &signs, run[0].style(), color);
        }
        text.push('\n');
    }
    text
}

/// One line.
#[must_use]
pub fn line(line: &Line<'_>, color: bool) -> String {
    let mut text = String::new();
    for span in &line.spans {
        push(&mut text, &span.content, line.style.patch(span.style), color);
    }
    text
}

/// Words of one style.
#[must_use]
pub fn styled(words: &str, style: Style, color: bool) -> String {
    let mut text = String::new();
    push(&mut text, words, style, color);
    text
}

fn push(text: &mut String, signs: &str, style: Style, color: bool) {
    let style = without_defaults(style);
    if !color || style == Style::new() {
        text.push_str(signs);
        return;
    }
    let written = write!(text, "{}", style.into_crossterm().apply(signs));
    debug_assert!(written.is_ok(), "writing to a String does not fail");
}

/// What a terminal does by itself needs no escape sequence.
fn without_defaults(style: Style) -> Style {
    let named = |color: Option<Color>| color.filter(|color| *color != Color::Reset);
    Style {
        fg: named(style.fg),
        bg: named(style.bg),
        add_modifier: style.add_modifier,
        ..Style::new()
    }
}
