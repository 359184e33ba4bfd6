//! Comma-separated values: a line per process, or per path of each process, with raw numbers.
//!
//! Cells are empty where there is no value: not available, or not applicable. Names are made safe
//! for a terminal as everywhere, since that is where a pipe often ends, and for spreadsheets.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

mod objects;
mod runs;

pub use self::{
    objects::{write_objects, write_objects_header},
    runs::{run_columns, write_run, write_runs_header},
};
use super::sanitize::sanitize;
use zc_model::{
    column::{Column, Kind, PathRow, Paths, Processes, Table, View},
    frame::Frame,
    row::Row,
    sort::Listing,
    value::Value,
};

/// The rows, and the columns of each.
#[derive(Clone, Debug)]
pub enum Rows {
    /// One per process or group; the last one is what is unattributed, if there is anything, without the cells
    /// that tell a process.
    Processes(Vec<&'static Column<Processes>>),
    /// One per path, and kind of socket, of each process or group; the last ones are unattributed.
    Paths(Vec<PathColumn>),
}

/// A column of a line about a path of a process.
#[derive(Clone, Copy, Debug)]
pub enum PathColumn {
    /// Whose path it is.
    Process(&'static Column<Processes>),
    /// What happened on it.
    Path(&'static Column<Paths>),
}

impl Default for Rows {
    fn default() -> Self {
        Self::Processes(Processes::COLUMNS.to_vec())
    }
}

impl Rows {
    /// A row per path with all its columns, after those that identify the process or the group.
    #[must_use]
    pub fn per_path(grouped: bool) -> Self {
        Self::Paths(PathColumn::all(grouped).filter(|column| !column.is_note()).collect())
    }

    /// Writes the names of the columns: the moment, the length of the interval, then the others.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write_header(&self, out: &mut dyn Write) -> io::Result<()> {
        let ids: Vec<&str> = match self {
            Self::Processes(columns) => columns.iter().map(|column| column.id).collect(),
            Self::Paths(columns) => columns.iter().map(|column| column.id()).collect(),
        };
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(["taken_at_ns", "elapsed_ns"].into_iter().chain(ids))?;
        writer.flush()
    }

    /// Writes the lines of the processes or groups that `listing` wants.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, frame: &Frame, listing: &Listing, out: &mut dyn Write) -> io::Result<()> {
        match listing.groups(frame) {
            Some(groups) => self.write_rows(groups.iter().map(Row::group), frame, out),
            None => self.write_rows(listing.of(frame).map(Row::process), frame, out),
        }
    }

    fn write_rows<'a>(
        &self,
        rows: impl Iterator<Item = Row<'a>>,
        frame: &'a Frame,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut lines = Lines::new(frame, out);
        match self {
            Self::Processes(columns) => {
                let unattributed = frame.unattributed.is_active().then(|| Row::unattributed(frame));
                for row in rows.chain(unattributed) {
                    lines.write(columns.iter().map(|column| column.of(row, frame)))?;
                }
            }
            Self::Paths(columns) => {
                for row in rows.chain([Row::unattributed(frame)]) {
                    for sample in row.paths {
                        let path = PathRow::One(sample);
                        lines.write(columns.iter().map(|column| match column {
                            PathColumn::Process(column) => column.of(row, frame),
                            PathColumn::Path(column) => column.of(path, frame),
                        }))?;
                    }
                }
            }
        }
        lines.writer.flush()
    }
}

impl PathColumn {
    /// Those of processes, or of groups, that identify them, then those of paths.
    pub fn all(grouped: bool) -> impl Iterator<Item = Self> {
        let view = if grouped { View::GroupPerPath } else { View::PerPath };
        let processes = Processes::of_view(view).map(Self::Process);
        processes.chain(Paths::COLUMNS.iter().copied().map(Self::Path))
    }

    /// The column with this id, as a user writes it.
    #[must_use]
    pub fn from_id(id: &str, grouped: bool) -> Option<Self> {
        Self::all(grouped).find(|column| column.id() == id)
    }

    /// The ids of all columns, for messages.
    #[must_use]
    pub fn ids(grouped: bool) -> String {
        Self::all(grouped).map(Self::id).collect::<Vec<_>>().join(", ")
    }

    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Process(column) => column.id,
            Self::Path(column) => column.id,
        }
    }

    fn is_note(self) -> bool {
        matches!(self, Self::Path(column) if column.kind == Kind::Note)
    }
}

/// Lines under way, each of which begins with the moment and the length of the interval.
struct Lines<'a> {
    writer: csv::Writer<&'a mut dyn Write>,
    taken_at: String,
    elapsed: String,
    cell: String,
}

impl<'a> Lines<'a> {
    fn new(frame: &Frame, out: &'a mut dyn Write) -> Self {
        Self {
            writer: csv::Writer::from_writer(out),
            taken_at: frame.taken_at_ns.to_string(),
            elapsed: frame.elapsed_ns.to_string(),
            cell: String::new(),
        }
    }

    fn write<'v>(&mut self, cells: impl Iterator<Item = Value<'v>>) -> io::Result<()> {
        self.writer.write_field(&self.taken_at)?;
        self.writer.write_field(&self.elapsed)?;
        for value in cells {
            self.cell.clear();
            push_raw(&mut self.cell, &value);
            self.writer.write_field(&self.cell)?;
        }
        self.writer.write_record(None::<&[u8]>)?;
        Ok(())
    }
}

/// A text that neither a terminal obeys nor a spreadsheet, which takes cells with these beginnings for formulas:
/// an apostrophe before them says that they are texts.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    // A tab and a line's end before a formula are cut off by spreadsheets; here they are visible escapes.
    const FORMULA: [char; 11] =
        ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    if text.starts_with(FORMULA) {
        return Cow::Owned(format!("'{}", sanitize(text)));
    }
    sanitize(text)
}

/// Appends the number as it is, whole numbers without a fraction, or the text made safe; nothing
/// where there is no value.
pub fn push_raw(cell: &mut String, value: &Value<'_>) {
    let written = match value {
        Value::Integer(value, _) => write!(cell, "{value}"),
        Value::Real(value, _) => write!(cell, "{value}"),
        Value::Text(text) => write!(cell, "{}", harmless(text)),
        Value::Absent | Value::Unavailable(_) => Ok(()),
    };
    debug_assert!(written.is_ok(), "writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_like_a_formula() {
        for begin in [
            "=", "+", "-", "@", "\t", "\r", "\n", "\t=", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}",
            "\u{ff20}",
        ] {
            let text = format!("{begin}HYPERLINK(\"x\")");
            let cell = harmless(&text);
            assert!(cell.starts_with('\''), "{cell}");
            assert!(!cell.contains(char::is_control), "{cell:?}");
        }
        for name in ["nginx", "a=b", "1-2", "\u{1b}[31m"] {
            assert_eq!(harmless(name), sanitize(name));
        }
    }
}
