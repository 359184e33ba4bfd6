//! A line per run of several: the sums over all processes.

use std::io::{self, Write};

use super::push_raw;
use crate::json::Run;
use zc_model::{
    column::{Column, Processes, Table as _},
    frame::Frame,
    row::Row,
};

/// The columns of sums that are numbers, which a line of a run has unless others are chosen.
#[must_use]
pub fn run_columns() -> Vec<&'static Column> {
    let is_number = |column: &&&'static Column| {
        let is_of_one = **column == Processes::PID
            || **column == Processes::PPID
            || **column == Processes::UID
            || **column == Processes::MEMBERS;
        column.unit.is_numeric() && !is_of_one
    };
    Processes::COLUMNS.iter().filter(is_number).copied().collect()
}

/// Writes the names of the columns.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_runs_header(columns: &[&'static Column], out: &mut dyn Write) -> io::Result<()> {
    let ids = columns.iter().map(|column| column.id);
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(
        ["run", "status", "interrupted", "taken_at_ns", "elapsed_ns"].into_iter().chain(ids),
    )?;
    writer.flush()
}

/// Writes the line of a run.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_run(
    frame: &Frame,
    run: Run,
    columns: &[&'static Column],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for cell in [
        run.number.to_string(),
        run.status.to_string(),
        run.interrupted.to_string(),
        frame.taken_at_ns.to_string(),
        frame.elapsed_ns.to_string(),
    ] {
        writer.write_field(cell)?;
    }
    let mut cell = String::new();
    for column in columns {
        cell.clear();
        push_raw(&mut cell, &column.of(Row::totals(frame), frame));
        writer.write_field(&cell)?;
    }
    writer.write_record(None::<&[u8]>)?;
    writer.flush()
}
