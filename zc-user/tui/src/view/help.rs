//! The help: keys from the key table, signs from the code that draws them, columns from the
//! column tables.

use ratatui::text::{Line, Span};

use super::{canvas::Canvas, devices, paths, processes};
use crate::{keymap::BINDINGS, state::State};
use zc_render::human;

/// The whole help at this width.
#[must_use]
pub fn canvas(state: &State, width: u16) -> Canvas {
    let mut canvas = Canvas::new(width);
    losses(state, &mut canvas);
    keys(state, &mut canvas);
    signs(state, &mut canvas);
    columns(state, &mut canvas, "Processes", &processes::titles());
    columns(state, &mut canvas, "Paths", &paths::TABLE.titles());
    columns(state, &mut canvas, "Devices", &devices::TABLE.titles());
    canvas
}

fn heading(state: &State, canvas: &mut Canvas, title: &str) {
    if canvas.height() > 0 {
        canvas.gap();
    }
    canvas.line(Span::styled(title.to_owned(), state.theme().head()));
}

fn losses(state: &State, canvas: &mut Canvas) {
    if state.losses().total() == 0 {
        return;
    }
    heading(state, canvas, "Lost since the start");
    for (loss, count) in state.losses().occurred() {
        let text = format!("{} {}: {}", human::count(count), loss.id(), loss.help());
        canvas.paragraph(&text, 2, state.theme().notice());
    }
}

fn keys(state: &State, canvas: &mut Canvas) {
    heading(state, canvas, "Keys");
    let (theme, width) = (state.theme(), canvas.width());
    let columns = usize::from(width / 64).clamp(1, 2);
    let lines = BINDINGS.len().div_ceil(columns);
    let (area, buf) = canvas.block(u16::try_from(lines).unwrap_or(u16::MAX));
    for (index, binding) in BINDINGS.iter().enumerate() {
        let (column, line) = (index / lines, index % lines);
        let line = u16::try_from(line).unwrap_or(0);
        let x = u16::try_from(column).unwrap_or(0) * (width / 2);
        let text = Line::from(vec![
            Span::styled(format!("  {:<16}", binding.shown), theme.key()),
            Span::raw(binding.help),
        ]);
        buf.set_line(x, area.y + line, &text, width - x);
    }
    let mouse = "Mouse: the wheel scrolls; a click selects a row, opens the selected one, sorts by \
                 a heading (again: the other way round), shows a view. With Shift, most terminals \
                 select text as usual.";
    canvas.paragraph(mouse, 2, theme.text());
}

fn signs(state: &State, canvas: &mut Canvas) {
    heading(state, canvas, "Signs");
    let theme = state.theme();
    let signs = [
        (
            "~",
            "modelled: the path's known behaviour times the measured bytes; this kernel offers no hook",
        ),
        ("?", "assumed: bytes that no hooked function copied and no zero-copy evidence explains"),
        ("+", "at least: a part of the sum is not available"),
        (
            human::UNAVAILABLE,
            "not available here, or there is nothing to tell; never the same as 0",
        ),
        (theme.symbols.advice, "there is advice: Enter shows it with its evidence"),
    ];
    for (sign, meaning) in signs {
        canvas.item(&format!("  {sign}"), theme.key(), 5, meaning, theme.text());
    }
}

fn columns(state: &State, canvas: &mut Canvas, title: &str, columns: &[(&str, &str)]) {
    heading(state, canvas, &format!("Columns: {title}"));
    for (title, help) in columns {
        let label = format!("  {title}");
        canvas.item(&label, state.theme().key(), 16, help, state.theme().text());
    }
}
