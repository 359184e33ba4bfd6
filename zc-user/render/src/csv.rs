//! Comma-separated values: one line per process, a column per column of the table, raw numbers.
//!
//! Cells are empty where there is no value: not available, or not applicable. Names are made safe
//! for a terminal as everywhere, since that is where a pipe often ends.

use std::{fmt::Write as _, io};

use super::sanitize::sanitize;
use zc_model::{column::Column, frame::Frame, row::Row, sort::Listing, value::Value};

/// Writes the names of the columns: the moment, the length of the interval, then `columns`.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_header(columns: &[&Column], out: &mut dyn io::Write) -> io::Result<()> {
    let ids = columns.iter().map(|column| column.id);
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(["taken_at_ns", "elapsed_ns"].into_iter().chain(ids))?;
    writer.flush()
}

/// Writes a line per process that `listing` wants.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_rows(
    frame: &Frame,
    listing: &Listing,
    columns: &[&Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    let (taken_at, elapsed) = (frame.taken_at_ns.to_string(), frame.elapsed_ns.to_string());
    let mut cell = String::new();
    for process in listing.of(frame) {
        let row = Row::process(process);
        writer.write_field(&taken_at)?;
        writer.write_field(&elapsed)?;
        for column in columns {
            cell.clear();
            push_raw(&mut cell, &column.of(row, frame));
            writer.write_field(&cell)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()
}

fn push_raw(cell: &mut String, value: &Value<'_>) {
    let written = match value {
        Value::Integer(value, _) => write!(cell, "{value}"),
        Value::Real(value, _) => write!(cell, "{value}"),
        Value::Text(text) => write!(cell, "{}", sanitize(text)),
        Value::Absent | Value::Unavailable(_) => Ok(()),
    };
    debug_assert!(written.is_ok(), "writing to a String does not fail");
}
