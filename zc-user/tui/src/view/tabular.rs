//! Tables whose columns are not those of processes: paths and devices.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    state::{State, listing::Listing, order::Order},
    widget::grid::{Grid, Slot, Spec},
};
use zc_model::{column::Unit, frame::Frame, value::Value};
use zc_render::{cell, theme::Theme};

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

/// A table on a page of its own: its rows are `T`, and are told apart by `K`.
pub struct Table<T: 'static, K> {
    /// The columns.
    pub fields: &'static [Field<T>],
    /// The rows.
    pub items: fn(&Frame) -> &[T],
    /// What a row is told apart by.
    pub key: fn(&T) -> K,
    /// The rows in order, and which is selected.
    pub listing: fn(&State) -> &Listing<K>,
    /// What it says when there are none.
    pub empty: &'static str,
}

impl<T, K: Clone + PartialEq> Table<T, K> {
    /// The keys of the rows, in order.
    #[must_use]
    pub fn keys(&self, frame: &Frame, order: Order) -> Vec<K> {
        sorted((self.items)(frame), self.fields, order, frame).into_iter().map(self.key).collect()
    }

    /// Headings and explanations, for the sort menu and the help.
    #[must_use]
    pub fn titles(&self) -> Vec<(&'static str, &'static str)> {
        self.fields.iter().map(|field| (field.title, field.help)).collect()
    }

    /// Whether the column holds numbers.
    #[must_use]
    pub fn is_numeric(&self, column: usize) -> bool {
        self.fields[column].unit.is_numeric()
    }

    /// The column whose heading is at `x`.
    #[must_use]
    pub fn column_at(&self, state: &State, area: Rect, x: u16) -> Option<usize> {
        grid(&specs(self.fields), state, area).column_at(x)
    }

    /// Draws the table.
    pub fn draw(&self, state: &State, area: Rect, buf: &mut Buffer) {
        let specs = specs(self.fields);
        let grid = grid(&specs, state, area);
        grid.head(buf);
        let Some(frame) = state.frame() else {
            return empty("collecting...", state, area, buf);
        };
        let listing = (self.listing)(state);
        if listing.is_empty() {
            return empty(self.empty, state, area, buf);
        }
        for ((key, selected), line) in listing.visible(state.rows_visible()).zip(0..) {
            if let Some(item) = (self.items)(frame).iter().find(|item| (self.key)(item) == *key) {
                grid.row(line, selected, buf, |slot| {
                    cell(item, self.fields, slot, frame, state.theme())
                });
            }
        }
    }
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
    (cell::cell(&value, field.unit), style)
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
