//! `zc top --once`: one frame as a table.

use std::{borrow::Cow, io};

use super::{
    grid::{Cell, Grid},
    notes,
};
use crate::{
    human,
    paragraph::{self, Indent},
    sanitize,
};
use zc_model::{
    column::{Column, Unit},
    frame::Frame,
    row::Row,
    snapshot::ProcessSample,
    sort::Listing,
    value::Value,
};

/// What fits on 80 columns.
const ONCE: [&str; 6] = [
    "pid",
    "comm",
    "copied_bytes_per_sec",
    "moved_bytes_per_sec",
    "amplification",
    "dominant_path",
];

/// What the kernel keeps of a name; only one with escapes is wider.
const COMM_COLUMNS: usize = 15;
/// Its end tells more than its beginning.
const CGROUP_COLUMNS: usize = 30;

/// The columns of [`write_once`] when nobody asks for others.
#[must_use]
pub fn once_columns() -> Vec<&'static Column> {
    ONCE.iter().filter_map(|id| Column::from_id(id)).collect()
}

/// Writes the machine's totals in a line, the processes that `listing` wants, and the notes.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_once(
    frame: &Frame,
    listing: &Listing,
    columns: &[&'static Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    write_machine(frame, out)?;
    write_totals(frame, out)?;
    write_tax(frame, out)?;
    writeln!(out)?;
    write_processes(frame, listing.of(frame), columns, out)?;
    notes::write(frame, out)
}

/// Writes what the figures are about: the machine, its kernel, and how copies are known there.
pub(super) fn write_machine(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "{}, Linux {}, {}; copies are {}",
        sanitize::sanitize(&frame.host.name),
        sanitize::sanitize(&frame.host.kernel),
        sanitize::sanitize(&frame.host.arch),
        frame.host.copies.id(),
    )
}

fn write_totals(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "{} copied by the CPU, {} not copied, {} mode switches",
        total(frame, "copied_bytes_per_sec"),
        total(frame, "zero_copied_bytes_per_sec"),
        total(frame, "mode_switches_per_sec"),
    )
}

/// A cell of the totals, for use in a sentence.
pub(super) fn total(frame: &Frame, id: &str) -> String {
    let cell = Column::from_id(id).map_or_else(String::new, |column| {
        human::marked(&column.of(Row::totals(frame), frame), column.unit)
    });
    // A rate over no time at all is neither known nor unavailable.
    if cell.is_empty() { human::UNAVAILABLE.to_owned() } else { cell }
}

/// Writes how much of the CPU time went into copying, or why that is not known.
pub(super) fn write_tax(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let tax = total(frame, "copy_tax");
    let value = Column::from_id("copy_tax").map(|column| column.of(Row::totals(frame), frame));
    let text = if let Some(Value::Unavailable(why)) = value {
        format!("copy tax {tax}: {why}")
    } else {
        let margin = total(frame, "copy_tax_margin");
        format!("copy tax {} of the CPU time", human::with_margin(tax, &margin))
    };
    paragraph::write(&text, Indent::NONE, notes::COLUMNS, out)
}

/// Writes a table of processes.
pub(super) fn write_processes<'a>(
    frame: &'a Frame,
    processes: impl Iterator<Item = &'a ProcessSample>,
    columns: &[&'static Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut processes = processes.peekable();
    if processes.peek().is_none() {
        return writeln!(out, "  No process did anything.");
    }
    let mut grid = Grid::new(columns.iter().map(|column| (column.title, column.unit.is_numeric())));
    for process in processes {
        grid.push(
            columns.iter().map(|column| cell(&column.of_process(process, frame), column)).collect(),
        );
    }
    grid.write(out)
}

fn cell(value: &Value<'_>, column: &Column) -> Cell {
    let Value::Text(text) = value else { return Cell::value(value, column.unit) };
    debug_assert_eq!(column.unit, Unit::Text, "texts are in columns of texts");
    let safe = sanitize::sanitize(text);
    let short: Cow<'_, str> = match column.id {
        "comm" => sanitize::truncate(&safe, COMM_COLUMNS, "..."),
        "cgroup" => sanitize::truncate_start(&safe, CGROUP_COLUMNS, "..."),
        _ => safe,
    };
    Cell::text(short)
}
