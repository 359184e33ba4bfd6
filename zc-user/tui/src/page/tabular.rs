//! What tables have in common: their columns, the order of their rows, what a click hits.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use crate::{
    state::order::Order,
    widget::grid::{self, Slot, Spec},
};
use zc_model::{
    column::{Column, Table as Columns, Tone, View},
    frame::Frame,
    value::Value,
};
use zc_render::{cell, theme::Theme};

/// Rows that fit below the headings.
#[must_use]
pub fn rows_visible(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

/// What a click on a table hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clicked {
    /// The heading of this column.
    Heading(usize),
    /// This line below the headings, whether there is a row or not.
    Row(usize),
}

/// What of a table in `area` is at this place of the screen.
#[must_use]
pub fn clicked(specs: &[Spec], at: Position, area: Rect) -> Option<Clicked> {
    match at.y.checked_sub(area.y)? {
        0 => grid::column_at(specs, area, at.x).map(Clicked::Heading),
        line => Some(Clicked::Row(usize::from(line - 1))),
    }
}

/// The columns of a table on the dashboard.
pub fn shown<T: Columns>() -> impl Iterator<Item = &'static Column<T>> {
    T::of_view(View::Dashboard)
}

/// Their ids.
#[must_use]
pub fn names<T: Columns>() -> Vec<&'static str> {
    shown::<T>().map(|column| column.id).collect()
}

/// The order from large to small by this column of the dashboard.
#[must_use]
pub fn descending<T: Columns>(column: &Column<T>) -> Order {
    Order { column: shown::<T>().position(|other| other == column).unwrap_or(0), descending: true }
}

/// The columns as the grid wants them.
#[must_use]
pub fn specs<T: Columns>() -> Vec<Spec> {
    shown::<T>().filter_map(Spec::of).collect()
}

/// The columns that were chosen, by their places: what was named last gives way first.
#[must_use]
pub fn chosen(specs: &[Spec], places: &[usize]) -> Vec<Spec> {
    let spec = |(rank, place): (usize, &usize)| {
        let priority = u8::try_from(rank).unwrap_or(u8::MAX);
        Some(Spec { priority, ..specs.get(*place)?.clone() })
    };
    places.iter().enumerate().filter_map(spec).collect()
}

/// The items in the order of their rows; equal ones stay as they are.
#[must_use]
pub fn sorted<'a, T: Columns<Context = Frame>, I>(
    items: &'a [I],
    row: fn(&'a I) -> T::Row<'a>,
    order: Order,
    frame: &'a Frame,
) -> Vec<&'a I> {
    let mut sorted: Vec<&I> = items.iter().collect();
    if let Some(column) = shown::<T>().nth(order.column) {
        let value = |item| column.of(row(item), frame);
        sorted.sort_by(|a, b| order.compare(&value(a), &value(b)));
    }
    sorted
}

/// The text and look of a cell.
#[must_use]
pub fn cell<'a, T: Columns<Context = Frame>>(
    row: T::Row<'a>,
    slot: Slot,
    frame: &'a Frame,
    theme: Theme,
) -> (String, Style) {
    shown::<T>()
        .nth(slot.column)
        .map_or_else(Default::default, |column| value(column, row, frame, theme))
}

/// The text and look of a cell in this column.
#[must_use]
pub fn value<'a, T: Columns<Context = Frame>>(
    column: &Column<T>,
    row: T::Row<'a>,
    frame: &'a Frame,
    theme: Theme,
) -> (String, Style) {
    let value = column.of(row, frame);
    let tone =
        if is_quiet(&value) { Tone::Dim } else { column.screen.map_or(Tone::Text, |s| s.tone) };
    (cell::cell(&value, column.unit), theme.tone(tone))
}

/// Nothing, or nothing known.
fn is_quiet(value: &Value<'_>) -> bool {
    !value.is_known() || value.number() == Some(0.0)
}

/// What an empty table says.
pub fn empty(message: &str, theme: Theme, area: Rect, buf: &mut Buffer) {
    if area.height > 1 {
        let room = usize::from(area.width);
        buf.set_stringn(area.x, area.y + 1, message, room, theme.dim());
    }
}
