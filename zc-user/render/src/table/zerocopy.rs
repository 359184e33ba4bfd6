//! The section on zero-copy of `zc stat`: requested, achieved, and why not.

use std::io;

use super::{
    grid::{Cell, Grid},
    notes,
};
use crate::{human, sanitize};
use zc_model::{
    column::Unit,
    frame::Frame,
    row::Row,
    sort::Listing,
    value::{Quality, Value},
    zerocopy::{self, Achieved, Request, Shortfall},
};

/// Processes beyond these are in the JSON document and in the dashboard.
const MOST: usize = 10;

/// Writes the section, if any process requested zero-copy.
pub(super) fn write(frame: &Frame, listing: &Listing, out: &mut dyn io::Write) -> io::Result<()> {
    let totals = zerocopy::requests(Row::totals(frame), frame);
    if totals.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nZero-copy")?;
    let mut grid = Grid::new([
        ("PID", true),
        ("COMMAND", false),
        ("MECHANISM", false),
        ("REQUESTED", true),
        ("ACHIEVED", true),
    ]);
    let requesting =
        || listing.of(frame).filter(|process| zerocopy::is_requested(Row::process(process)));
    for process in requesting().take(MOST) {
        for request in zerocopy::requests(Row::process(process), frame) {
            let name = sanitize::sanitize(&process.comm).into_owned();
            grid.push(cells(process.id.to_string(), name, &request));
        }
    }
    for request in &totals {
        grid.push(cells(String::new(), "total".to_owned(), request));
    }
    grid.write(out)?;
    let more = requesting().count().saturating_sub(MOST);
    if more > 0 {
        writeln!(out, "  ... and {more} more processes")?;
    }
    for request in &totals {
        for reason in &request.reasons {
            notes::write_wrapped(&because(request, reason), out)?;
        }
        if let Achieved::Unknown(why) = request.achieved {
            let why = why.trim_end_matches('.');
            let id = request.mechanism.id();
            notes::write_wrapped(&format!("{id}: what was achieved is not known: {why}."), out)?;
        }
    }
    Ok(())
}

fn cells(pid: String, name: String, request: &Request<'_>) -> Vec<Cell> {
    let achieved = match request.achieved {
        Achieved::Bytes(bytes, provenance) => {
            Value::Integer(bytes, Quality { provenance, lower_bound: false })
        }
        Achieved::Unknown(why) => Value::Unavailable(why),
    };
    vec![
        Cell::text(pid),
        Cell::text(name),
        Cell::text(request.mechanism.id()),
        Cell::text(human::bytes(request.requested_bytes)),
        Cell::value(&achieved, Unit::Bytes),
    ]
}

fn because(request: &Request<'_>, reason: &Shortfall) -> String {
    let calls = reason.calls.map_or_else(String::new, |calls| {
        format!(" in {} {}", human::count(calls), if calls == 1 { "call" } else { "calls" })
    });
    let Shortfall { reason, bytes, sentence, .. } = reason;
    let (mechanism, bytes) = (request.mechanism.id(), human::bytes(*bytes));
    format!("{mechanism}: {bytes}{calls}, {}: {sentence}.", reason.id())
}
