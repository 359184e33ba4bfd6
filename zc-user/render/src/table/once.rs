//! `zc top --once`: one frame as a table.

use std::io;

use super::{
    copiers,
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
    group::Group,
    row::Row,
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
    write_figures(frame, listing, columns, out)?;
    write_notes(frame, listing, out)
}

/// Writes one of several intervals: as [`write_once`], with the notes left to [`write_notes`]. What was lost in it is said
/// at once.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_update(
    frame: &Frame,
    listing: &Listing,
    columns: &[&Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    write_figures(frame, listing, columns, out)?;
    notes::write_lost(frame, out)
}

/// Writes the notes below the figures of `frame`.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_notes(frame: &Frame, listing: &Listing, out: &mut dyn io::Write) -> io::Result<()> {
    notes::write(frame, notes::About::Everything(listing.groups(frame).as_deref()), out)
}

fn write_figures(
    frame: &Frame,
    listing: &Listing,
    columns: &[&Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    write_machine(frame, out)?;
    write_totals(frame, out)?;
    write_tax(frame, out)?;
    copiers::write_shares(frame, out)?;
    writeln!(out)?;
    let groups = listing.groups(frame);
    write_rows(frame, listing, groups.as_deref(), columns, out)
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
pub const UNATTRIBUTED: &str = "(unattributed)";

/// Writes a table of these groups, or of the processes to list, and below them what is unattributed, if there is anything.
pub(super) fn write_rows(
    frame: &Frame,
    listing: &Listing,
    groups: Option<&[Group]>,
    columns: &[&Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match groups {
        Some(groups) => write_table(frame, groups.iter().map(Row::group), columns, out),
        None => write_table(frame, listing.of(frame).map(Row::process), columns, out),
    }
}

fn write_table<'a>(
    frame: &'a Frame,
    rows: impl Iterator<Item = Row<'a>>,
    columns: &[&Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() && !frame.unattributed.is_active() {
        return writeln!(out, "  No activity.");
    }
    let mut grid = Grid::of(columns.iter().copied());
    for row in rows {
        grid.push(columns.iter().map(|column| Cell::of(column, row, frame)).collect());
    }
    if frame.unattributed.is_active() {
        let row = Row::unattributed(frame);
        let is_name = |column: &&Column| [Processes::COMM, Processes::GROUP].contains(column);
        let named = columns.iter().position(is_name).unwrap_or(0);
        let cells = columns.iter().enumerate().map(|(at, column)| match at == named {
            true => Cell::text(UNATTRIBUTED),
            false => Cell::of(column, row, frame),
        });
        grid.push(cells.collect());
    }
    grid.write(out)
}
