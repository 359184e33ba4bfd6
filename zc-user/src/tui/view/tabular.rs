//! Tables whose columns are not those of processes: paths and devices.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    model::{column::Unit, frame::Frame, value::Value},
    tui::{
        state::{State, order::Order},
        text,
        theme::Theme,
        widget::grid::{Grid, Slot, Spec},
    },
};

/// A column of a table of `T`.
pub struct Field<T> {
    /// The heading.
    pub title: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// What its numbers count.
    pub unit: Unit,
    /// Cells it needs.
    pub width: u16,
    /// Its numbers may carry a mark.
    pub marks: bool,
    /// Cells it makes use of.
    pub stretch: u16,
    /// Columns with a greater number go first when there is little room.
    pub priority: u8,
    /// Reads the cell.
    pub value: for<'a> fn(&'a T, &'a Frame) -> Value<'a>,
    /// The look of a number that is not 0.
    pub style: fn(Theme) -> Style,
}

/// The columns as the grid wants them.
#[must_use]
pub fn specs<T>(fields: &[Field<T>]) -> Vec<Spec> {
    fields
        .iter()
        .map(|field| Spec {
            title: field.title,
            width: field.width,
            right: field.unit.is_numeric(),
            marks: field.marks,
            stretch: field.stretch,
            priority: field.priority,
        })
        .collect()
}

/// Headings and explanations, for the sort menu and the help.
#[must_use]
pub fn titles<T>(fields: &[Field<T>]) -> Vec<(&'static str, &'static str)> {
    fields.iter().map(|field| (field.title, field.help)).collect()
}

/// The items in this order; equal ones stay as they are.
#[must_use]
pub fn sorted<'a, T>(
    items: &'a [T],
    fields: &[Field<T>],
    order: Order,
    frame: &'a Frame,
) -> Vec<&'a T> {
    let mut sorted: Vec<&T> = items.iter().collect();
    if let Some(field) = fields.get(order.column) {
        sorted.sort_by(|a, b| order.compare(&(field.value)(a, frame), &(field.value)(b, frame)));
    }
    sorted
}

/// The grid over `area`.
#[must_use]
pub fn grid<'a>(specs: &'a [Spec], state: &State, area: Rect) -> Grid<'a> {
    let sorted = state.order().map(|order| (order.column, order.descending));
    Grid { specs, sorted, theme: state.theme(), area }
}

/// The text and look of a cell.
#[must_use]
pub fn cell<T>(
    item: &T,
    fields: &[Field<T>],
    slot: Slot,
    frame: &Frame,
    theme: Theme,
) -> (String, Style) {
    let field = &fields[slot.column];
    let value = (field.value)(item, frame);
    let style = if is_quiet(&value) { theme.dim() } else { (field.style)(theme) };
    (text::cell(&value, field.unit), style)
}

/// Nothing, or nothing known.
#[must_use]
pub fn is_quiet(value: &Value<'_>) -> bool {
    !value.is_known() || value.number() == Some(0.0)
}

/// What an empty table says.
pub fn empty(message: &str, state: &State, area: Rect, buf: &mut Buffer) {
    if area.height > 1 {
        let room = usize::from(area.width);
        buf.set_stringn(area.x, area.y + 1, message, room, state.theme().dim());
    }
}
