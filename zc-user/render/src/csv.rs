//! Comma-separated values: a line per process, or per path of each process, with raw numbers.
//!
//! Cells are empty where there is no value: not available, or not applicable. Names are made safe
//! for a terminal as everywhere, since that is where a pipe often ends, and for spreadsheets.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
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
    /// One per process; the last one is what is unattributed, if there is anything, without the cells that tell
    /// a process.
    Processes(Vec<&'static Column<Processes>>),
    /// One per path, and kind of socket, of each process; the last ones are unattributed.
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
    /// A row per path with all its columns, after those that identify the process.
    #[must_use]
    pub fn per_path() -> Self {
        Self::Paths(PathColumn::all().filter(|column| !column.is_note()).collect())
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

    /// Writes the lines of the processes that `listing` wants.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, frame: &Frame, listing: &Listing, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Lines::new(frame, out);
        let processes = listing.of(frame).map(Row::process);
        match self {
            Self::Processes(columns) => {
                let unattributed = frame.unattributed.is_active().then(|| Row::unattributed(frame));
                for row in processes.chain(unattributed) {
                    lines.write(columns.iter().map(|column| column.of(row, frame)))?;
                }
            }
            Self::Paths(columns) => {
                for row in processes.chain([Row::unattributed(frame)]) {
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
    /// Those of processes that identify them, then those of paths.
    pub fn all() -> impl Iterator<Item = Self> {
        let processes = Processes::of_view(View::PerPath).map(Self::Process);
        processes.chain(Paths::COLUMNS.iter().copied().map(Self::Path))
    }

    /// The column with this id, as a user writes it.
    #[must_use]
    pub fn from_id(id: &str) -> Option<Self> {
        Self::all().find(|column| column.id() == id)
    }

    /// The ids of all columns, for messages.
    #[must_use]
    pub fn ids() -> String {
        Self::all().map(Self::id).collect::<Vec<_>>().join(", ")
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
