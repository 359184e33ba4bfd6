//! Columns of text that line up.

use std::{borrow::Cow, io};

use comfy_table::{CellAlignment, Table, presets::NOTHING};

use crate::{human, sanitize};
use zc_model::{
    column::{Column, Cut, Table as Columns, Unit},
    value::Value,
};

/// A cell: its text, and the mark behind it that must not push the digits out of line.
pub struct Cell {
    text: String,
    mark: &'static str,
}

impl Cell {
    /// A text without a mark.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), mark: "" }
    }

    /// A text with its mark.
    pub fn marked(text: impl Into<String>, mark: &'static str) -> Self {
        Self { text: text.into(), mark }
    }

    /// The same with something before it.
    #[must_use]
    pub fn after(mut self, before: &str) -> Self {
        self.text.insert_str(0, before);
        self
    }

    /// The text with its mark.
    #[must_use]
    pub fn plain(&self) -> String {
        format!("{}{}", self.text, self.mark)
    }

    /// The cell of a row in a column.
    #[must_use]
    pub fn of<'a, T: Columns>(
        column: &Column<T>,
        row: T::Row<'a>,
        context: &'a T::Context,
    ) -> Self {
        let value = column.of(row, context);
        let Value::Text(text) = &value else { return Self::value(&value, column.unit) };
        debug_assert_eq!(column.unit, Unit::Text, "texts are in columns of texts");
        let safe = sanitize::sanitize(text);
        let short: Cow<'_, str> = match column.cut {
            Cut::Never => safe,
            Cut::Start(most) => sanitize::truncate(&safe, most, "..."),
            Cut::End(most) => sanitize::truncate_start(&safe, most, "..."),
        };
        Self::text(short)
    }

    /// A value with its unit and its mark.
    #[must_use]
    pub fn value(value: &Value<'_>, unit: Unit) -> Self {
        let mark = value.quality().map_or("", human::mark);
        Self { text: human::value(value, unit).into_owned(), mark }
    }
}

/// A table under construction.
pub struct Grid {
    header: Vec<&'static str>,
    alignment: Vec<CellAlignment>,
    rows: Vec<Vec<Cell>>,
}

impl Grid {
    /// A table of these columns.
    #[must_use]
    pub fn of<'c, T: Columns>(columns: impl IntoIterator<Item = &'c Column<T>>) -> Self {
        Self::new(columns.into_iter().map(|column| (column.title, column.unit.is_numeric())))
    }

    /// A table with these headings; `true` for a column of numbers.
    pub fn new(columns: impl IntoIterator<Item = (&'static str, bool)>) -> Self {
        let side = |numeric| if numeric { CellAlignment::Right } else { CellAlignment::Left };
        let (header, alignment) =
            columns.into_iter().map(|(title, numeric)| (title, side(numeric))).unzip();
        Self { header, alignment, rows: Vec::new() }
    }

    /// Adds a row: as many cells as there are headings.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Writes the table, two spaces between columns.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let marks: Vec<usize> = (0..self.header.len())
            .map(|at| self.rows.iter().filter_map(|row| row.get(at)).map(|c| c.mark.len()).max())
            .map(|longest| longest.unwrap_or(0))
            .collect();
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(
            self.header.iter().zip(&marks).map(|(title, mark)| format!("{title}{:mark$}", "")),
        );
        for row in &self.rows {
            table.add_row(
                row.iter()
                    .zip(&marks)
                    .map(|(cell, mark)| format!("{}{:<mark$}", cell.text, cell.mark)),
            );
        }
        for (column, alignment) in table.column_iter_mut().zip(&self.alignment) {
            column.set_padding((2, 0));
            column.set_cell_alignment(*alignment);
        }
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
