//! `zc top --once`: one frame as a table.

use std::io;

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
    column::{Column, Processes},
    frame::Frame,
    row::Row,
    snapshot::ProcessSample,
    sort::Listing,
    value::Value,
};

/// Writes the machine's totals in a line, the processes that `listing` wants, and the notes.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_once(
    frame: &Frame,
    listing: &Listing,
    columns: &[&Column],
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
        total(frame, Processes::COPIED_BYTES_PER_SEC),
        total(frame, Processes::ZERO_COPIED_BYTES_PER_SEC),
        total(frame, Processes::MODE_SWITCHES_PER_SEC),
    )
}

/// A cell of the totals, for use in a sentence.
pub(super) fn total(frame: &Frame, column: &Column) -> String {
    let cell = human::marked(&column.of(Row::totals(frame), frame), column.unit);
    // A rate over no time at all is neither known nor unavailable.
    if cell.is_empty() { human::UNAVAILABLE.to_owned() } else { cell }
}

/// Writes how much of the CPU time went into copying, or why that is not known.
pub(super) fn write_tax(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let tax = total(frame, Processes::COPY_TAX);
    let value = Processes::COPY_TAX.of(Row::totals(frame), frame);
    let text = if let Value::Unavailable(why) = value {
        format!("copy tax {tax}: {why}")
    } else {
        let margin = total(frame, Processes::COPY_TAX_MARGIN);
        format!("copy tax {} of the CPU time", human::with_margin(tax, &margin))
    };
    paragraph::write(&text, Indent::NONE, notes::COLUMNS, out)
}

/// The name of the row of what is unattributed.
pub(super) const UNATTRIBUTED: &str = "(unattributed)";

/// Writes a table of processes, and below them what is unattributed, if there is anything.
pub(super) fn write_processes<'a>(
    frame: &'a Frame,
    processes: impl Iterator<Item = &'a ProcessSample>,
    columns: &[&Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut processes = processes.peekable();
    if processes.peek().is_none() && !frame.unattributed.is_active() {
        return writeln!(out, "  No activity.");
    }
    let mut grid = Grid::of(columns.iter().copied());
    for process in processes {
        let row = Row::process(process);
        grid.push(columns.iter().map(|column| Cell::of(column, row, frame)).collect());
    }
    if frame.unattributed.is_active() {
        let row = Row::unattributed(frame);
        let named = columns.iter().position(|column| **column == *Processes::COMM).unwrap_or(0);
        let cells = columns.iter().enumerate().map(|(at, column)| match at == named {
            true => Cell::text(UNATTRIBUTED),
            false => Cell::of(column, row, frame),
        });
        grid.push(cells.collect());
    }
    grid.write(out)
}
