//! The last line: keys, or the line being typed.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    keymap::Hint,
    line,
    state::{
        Context,
        prompt::{Prompt, Wanted},
    },
};

/// A line being typed.
pub(crate) struct Typed<'a> {
    prompt: &'static str,
    line: &'a line::Line,
    /// What is wrong with it.
    error: Option<&'a str>,
    /// What can be typed, while nothing is.
    example: &'static str,
    /// Whether it is known to be right.
    is_valid: bool,
}

impl<'a> Typed<'a> {
    /// The filter, while it is typed.
    pub(crate) fn filter(context: &'a Context) -> Option<Self> {
        let filter = context.filter();
        Some(Self {
            prompt: "filter: ",
            line: filter.line()?,
            error: filter.error(),
            example: "a name, or: copied_bytes > 1MiB and path == file_read",
            is_valid: filter.error().is_none(),
        })
    }

    /// A line that is looked at when it is complete.
    pub(crate) fn prompt(typed: &'a Prompt) -> Self {
        let (prompt, example) = match typed.wanted {
            Wanted::Moment => ("go to: ", "15:12:03, 90s or 5m after the start, end, or a mark"),
            Wanted::Mark => ("mark: ", "a name for this moment, to be found again by [ ] and @"),
        };
        let (line, error) = (&typed.line, typed.error.as_deref());
        Self { prompt, line, error, example, is_valid: false }
    }
}

/// Draws the footer; `hints` are in the order of their importance.
pub(crate) fn draw(
    context: &Context,
    typed: Option<Typed<'_>>,
    hints: &[Hint],
    area: Rect,
    buf: &mut Buffer,
) {
    let keys_from = typed.map_or(area.x, |typed| draw_typed(context, &typed, area, buf));
    let keys_from = keys_from.min(area.right());
    let area = Rect { x: keys_from, width: area.right() - keys_from, ..area };
    draw_keys(context, hints, area, buf);
}

/// The line being typed, its cursor, and whether it is valid; returns where it ends.
fn draw_typed(context: &Context, typed: &Typed<'_>, area: Rect, buf: &mut Buffer) -> u16 {
    let theme = context.theme();
    let Typed { prompt, line, error, example, is_valid } = typed;
    let text = line.text();
    let room = usize::from(area.width).saturating_sub(prompt.len() + 1);
    // A long line shows the part around its cursor.
    let before = Span::raw(line.before_cursor()).width();
    let shown: String = text.chars().skip(before.saturating_sub(room)).collect();
    let (x, y) = buf.set_stringn(area.x, area.y, prompt, usize::from(area.width), theme.key());
    let (end, _) =
        buf.set_stringn(x, y, &shown, usize::from(area.right().saturating_sub(x)), theme.strong());
    let cursor = x + u16::try_from(before.min(room)).unwrap_or(0);
    if let Some(cell) = buf.cell_mut((cursor, y)) {
        cell.set_style(theme.selected());
    }
    let (verdict, style) = match error {
        Some(error) => (format!("  {error}"), theme.notice()),
        None if text.trim().is_empty() => (format!("  {example}"), theme.dim()),
        None if *is_valid => ("  ok".to_owned(), theme.reference()),
        None => (String::new(), theme.dim()),
    };
    let x = end.max(cursor + 1);
    let room = usize::from(area.right().saturating_sub(x));
    let (end, _) = buf.set_stringn(x, y, verdict, room, style);
    end + 2
}

fn draw_keys(context: &Context, hints: &[Hint], mut area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    let legend = "~ modelled";
    let width = u16::try_from(legend.len()).unwrap_or(0);
    if context.is_modelled() && width < area.width {
        area.width -= width + 1;
        buf.set_stringn(area.right() + 1, area.y, legend, usize::from(width), theme.notice());
    }
    let mut x = area.x;
    for Hint { key, word, .. } in hints {
        let line = Line::from(vec![
            Span::styled(*key, theme.key()),
            Span::raw(" "),
            Span::styled(*word, theme.text()),
        ]);
        let width = u16::try_from(line.width()).unwrap_or(u16::MAX);
        if x.saturating_add(width) > area.right() {
            break;
        }
        buf.set_line(x, area.y, &line, width);
        x += width + 2;
    }
}
