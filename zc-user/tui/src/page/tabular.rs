//! Tables whose columns are not those of processes: paths and devices.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use super::{Heading, Intent, Page};
use crate::{
    action::Motion,
    state::{Context, order::Order, rows::Rows},
    widget::grid::{self, Grid, Slot, Spec},
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

/// A table on a page of its own: its rows are `T`, identified by `K`.
pub struct Table<T: 'static, K> {
    /// The name on its tab.
    pub title: &'static str,
    /// What is on it, in a few words.
    pub about: &'static str,
    /// The columns.
    pub fields: &'static [Field<T>],
    /// The order in which it is shown at first.
    pub order: Order,
    /// The rows.
    pub items: fn(&Frame) -> &[T],
    /// What identifies a row.
    pub key: fn(&T) -> K,
    /// What it says when there are none.
    pub empty: &'static str,
}

/// The page of a table.
pub struct TablePage<T: 'static, K: 'static> {
    table: &'static Table<T, K>,
    /// Stays as the user left it.
    order: Order,
    rows: Rows<K>,
}

impl<T, K: Clone + PartialEq> TablePage<T, K> {
    /// The page of `table`, without rows.
    #[must_use]
    pub fn new(table: &'static Table<T, K>) -> Self {
        Self { table, order: table.order, rows: Rows::default() }
    }
}

impl<T, K: Clone + PartialEq> Page for TablePage<T, K> {
    fn title(&self) -> &'static str {
        self.table.title
    }

    fn about(&self) -> &'static str {
        self.table.about
    }

    fn step(&mut self, motion: Motion, context: &Context) {
        self.rows.step(motion, rows_visible(context.body()));
    }

    fn click(&mut self, at: Position, context: &Context) -> Intent {
        match clicked(&specs(self.table.fields), at, context.body()) {
            Some(Clicked::Heading(column)) => Intent::SortBy(column),
            Some(Clicked::Row(row)) => {
                self.rows.select_visible(row);
                Intent::Nothing
            }
            None => Intent::Nothing,
        }
    }

    fn arrange(&mut self, context: &Context) {
        let Some(frame) = context.frame() else { return };
        let items = (self.table.items)(frame);
        let items = sorted(items, self.table.fields, self.order, frame);
        let keys = items.into_iter().map(self.table.key).collect();
        self.rows.replace(keys, rows_visible(context.body()));
    }

    fn columns(&self) -> Vec<Heading> {
        let heading = |field: &Field<T>| Heading {
            title: field.title,
            help: field.help,
            numeric: field.unit.is_numeric(),
        };
        self.table.fields.iter().map(heading).collect()
    }

    fn order(&self) -> Option<Order> {
        Some(self.order)
    }

    fn set_order(&mut self, order: Order, context: &Context) {
        self.order = order;
        self.arrange(context);
    }

    fn draw(&self, context: &Context, area: Rect, buf: &mut Buffer) {
        let (table, theme) = (self.table, context.theme());
        let specs = specs(table.fields);
        let grid = Grid { specs: &specs, sorted: Some(self.order.into()), theme, area };
        grid.head(buf);
        let Some(frame) = context.frame() else {
            return empty("collecting...", theme, area, buf);
        };
        if self.rows.is_empty() {
            return empty(table.empty, theme, area, buf);
        }
        for ((key, selected), line) in self.rows.visible(rows_visible(area)).zip(0..) {
            if let Some(item) = (table.items)(frame).iter().find(|item| (table.key)(item) == *key) {
                grid.row(line, selected, buf, |slot| cell(item, table.fields, slot, frame, theme));
            }
        }
    }
}

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
pub fn empty(message: &str, theme: Theme, area: Rect, buf: &mut Buffer) {
    if area.height > 1 {
        let room = usize::from(area.width);
        buf.set_stringn(area.x, area.y + 1, message, room, theme.dim());
    }
}
