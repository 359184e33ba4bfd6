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
use zc_model::{
    column::{Column, Table as Columns, Tone, View},
    frame::Frame,
    value::Value,
};
use zc_render::{cell, theme::Theme};

/// A table on a page of its own, with the columns of `T`: its rows are made of `I`, and are
/// identified by `K`.
pub struct Table<T: Columns, I: 'static, K> {
    /// The name on its tab.
    pub title: &'static str,
    /// What is on it, in a few words.
    pub about: &'static str,
    /// The column that sorts at first, from large to small.
    pub order: &'static Column<T>,
    /// What the rows are made of.
    pub items: fn(&Frame) -> &[I],
    /// The row of an item.
    pub row: for<'a> fn(&'a I) -> T::Row<'a>,
    /// What identifies a row.
    pub key: fn(&I) -> K,
    /// Whose they are, where some processes are followed only.
    pub whose: &'static str,
    /// What else must be known to take its figures for what they are, in a few words.
    pub remark: fn(&Frame) -> Option<&'static str>,
    /// What it says when there are none.
    pub empty: &'static str,
}

/// The page of a table.
pub struct TablePage<T: Columns, I: 'static, K: 'static> {
    table: &'static Table<T, I, K>,
    /// Stays as the user left it.
    order: Order,
    rows: Rows<K>,
}

impl<T: Columns<Context = Frame>, I, K: Clone + PartialEq> TablePage<T, I, K> {
    /// The page of `table`, without rows.
    #[must_use]
    pub fn new(table: &'static Table<T, I, K>) -> Self {
        Self { table, order: descending(table.order), rows: Rows::default() }
    }
}

impl<T: Columns<Context = Frame>, I, K: Clone + PartialEq> Page for TablePage<T, I, K> {
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
        match clicked(&specs::<T>(), at, context.body()) {
            Some(Clicked::Heading(column)) => Intent::SortBy(column),
            Some(Clicked::Row(row)) => {
                self.rows.select_visible(row, rows_visible(context.body()));
                Intent::Nothing
            }
            None => Intent::Nothing,
        }
    }

    fn arrange(&mut self, context: &Context) {
        let Some(frame) = context.frame() else { return };
        let items = (self.table.items)(frame);
        let items = sorted::<T, I>(items, self.table.row, self.order, frame);
        let keys = items.into_iter().map(self.table.key).collect();
        self.rows.replace(keys, rows_visible(context.body()));
    }

    fn columns(&self) -> Vec<Heading> {
        shown::<T>().map(Heading::of).collect()
    }

    fn scope(&self, context: &Context) -> String {
        let whose = context.follows_some().then_some(self.table.whose);
        let remark = context.frame().and_then(|frame| (self.table.remark)(frame));
        whose.into_iter().chain(remark).collect::<Vec<_>>().join(", ")
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
        let specs = specs::<T>();
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
                let row = (table.row)(item);
                grid.row(line, selected, buf, |slot| cell::<T>(row, slot, frame, theme));
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

/// The columns of a table on the dashboard.
pub fn shown<T: Columns>() -> impl Iterator<Item = &'static Column<T>> {
    T::of_view(View::Dashboard)
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
