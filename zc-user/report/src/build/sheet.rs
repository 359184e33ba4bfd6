//! Tables under construction: cells, and the marks that occur in them.

use zc_model::{
    column::{self, Unit},
    frame::Frame,
    picture::Picture,
    snapshot::Provenance,
    value::{Quality, Value},
};
use zc_render::human;

use crate::content::{Column, Kind, Row, Table};

/// Whether copies are modelled on this machine: then that is said once, and no figure has a mark for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Modelled(pub(super) bool);

impl Modelled {
    pub(super) fn of(frame: &Frame) -> Self {
        Self(frame.host.copies == Provenance::Modelled)
    }

    /// The picture without marks that are said once.
    pub(super) fn picture(self, mut picture: Picture) -> Picture {
        let modelled = picture.hops.iter_mut().filter(|hop| hop.provenance == Provenance::Modelled);
        modelled.filter(|_| self.0).for_each(|hop| hop.provenance = Provenance::Measured);
        picture
    }

    /// A value by itself, with its unit and its mark.
    pub(super) fn figure(self, value: &Value<'_>, unit: Unit) -> String {
        let text = human::value(value, unit);
        let text = if text.is_empty() { human::UNAVAILABLE.into() } else { text };
        let mark = value.quality().map_or("", |quality| human::mark(self.said(quality)));
        format!("{text}{mark}")
    }

    /// The quality, less what is said once.
    fn said(self, quality: Quality) -> Quality {
        match quality.provenance {
            Provenance::Modelled if self.0 => {
                Quality { provenance: Provenance::Measured, ..quality }
            }
            _ => quality,
        }
    }
}

/// What the mark at the end of a cell means.
const MARKS: [(&str, &str); 4] = [
    ("~", "~ modelled: the copies that the path is known to make, times the bytes moved"),
    (
        "?",
        "? assumed: no function that zc watches copied these bytes, and nothing shows that they were not copied",
    ),
    ("+", "+ at least: of further bytes it is not known whether they were copied"),
    (
        human::UNAVAILABLE,
        "- not known: this kernel, or these privileges, cannot give it; it is not 0",
    ),
];

/// A table under construction.
pub(super) struct Sheet {
    modelled: Modelled,
    table: Table,
}

impl Sheet {
    pub(super) fn new(
        caption: impl Into<String>,
        modelled: Modelled,
        columns: &[(&'static str, bool)],
    ) -> Self {
        let columns = columns.iter().map(|&(title, is_number)| Column::new(title, is_number));
        let table =
            Table { caption: caption.into(), columns: columns.collect(), ..Table::default() };
        Self { modelled, table }
    }

    /// With these columns only where there is room for them.
    pub(super) fn extra(mut self, titles: &[&str]) -> Self {
        for column in &mut self.table.columns {
            column.is_extra = titles.contains(&column.title);
        }
        self
    }

    /// A cell with a number.
    pub(super) fn value(&self, value: &Value<'_>, unit: Unit) -> String {
        match value {
            Value::Absent => String::new(),
            _ => self.modelled.figure(value, unit),
        }
    }

    /// The cell of a column.
    pub(super) fn cell<'a, T: column::Table>(
        &self,
        column: &column::Column<T>,
        row: T::Row<'a>,
        context: &'a T::Context,
    ) -> String {
        self.value(&column.of(row, context), column.unit)
    }

    pub(super) fn push(&mut self, kind: Kind, cells: Vec<String>) {
        self.push_with(kind, cells, None);
    }

    /// Adds a row with a bar of `part` of `whole`.
    pub(super) fn push_with(&mut self, kind: Kind, cells: Vec<String>, bar: Option<(u64, u64)>) {
        debug_assert_eq!(cells.len(), self.table.columns.len(), "{cells:?}");
        let share = bar.map(|(part, whole)| thousandths(part, whole));
        self.table.rows.push(Row { kind, cells, share });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.rows.is_empty()
    }

    /// The table, with the marks that occur in it.
    pub(super) fn done(mut self) -> Table {
        let has = |mark: &str| {
            let mut rows = self.table.rows.iter();
            rows.any(|row| {
                let columns = self.table.columns.iter().zip(&row.cells);
                let mut numbers = columns.filter(|(column, _)| column.is_number);
                numbers.any(|(_, cell)| is_marked(cell, mark))
            })
        };
        let found = MARKS.iter().filter(|(mark, _)| has(mark));
        self.table.marks = found.map(|(_, meaning)| *meaning).collect();
        self.table
    }
}

/// What the marks mean that a figure has.
pub(super) fn meanings(figure: &str) -> Vec<&'static str> {
    let found = MARKS.iter().filter(|(mark, _)| is_marked(figure, mark));
    found.map(|(_, meaning)| *meaning).collect()
}

/// Whether a figure has the mark: marks are its last characters, a dash is all of it.
fn is_marked(cell: &str, mark: &str) -> bool {
    if mark == human::UNAVAILABLE || cell == human::UNAVAILABLE {
        return cell == mark;
    }
    let marks = cell.trim_end_matches(['~', '?', '+']);
    cell[marks.len()..].contains(mark)
}

fn thousandths(part: u64, whole: u64) -> u16 {
    let share = (u128::from(part) * 1_000).checked_div(u128::from(whole)).unwrap_or(0);
    u16::try_from(share).unwrap_or(1_000).min(1_000)
}

/// A count that was counted.
pub(super) const fn measured<'a>(count: u64) -> Value<'a> {
    Value::Integer(count, Quality::MEASURED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_explained_where_they_occur() {
        let columns = [("NAME", false), ("BYTES", true)];
        let marks = |cells: &[(&str, &str)]| {
            let mut sheet = Sheet::new("", Modelled(false), &columns);
            for (name, bytes) in cells {
                sheet.push(Kind::Row, vec![(*name).to_owned(), (*bytes).to_owned()]);
            }
            let marks = sheet.done().marks;
            marks.iter().map(|mark| mark.chars().next().unwrap()).collect::<String>()
        };
        assert_eq!(marks(&[("a~", "1 B"), ("-", "2 B")]), "");
        assert_eq!(marks(&[("a", "1 B~+"), ("b", "-")]), "~+-");
        assert_eq!(marks(&[("a", "1 B?")]), "?");
    }

    #[test]
    fn a_bar_is_never_longer_than_the_whole() {
        assert_eq!([thousandths(1, 3), thousandths(7, 3), thousandths(7, 0)], [333, 1_000, 0]);
        assert_eq!(thousandths(u64::MAX, u64::MAX), 1_000);
    }
}
