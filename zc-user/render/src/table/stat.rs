//! `zc stat`: the breakdown of one interval, in the manner of `perf stat`.

use std::io;

use super::{
    copiers,
    grid::{Cell, Grid},
    notes,
    once::{UNATTRIBUTED, total, write_machine, write_rows, write_tax},
    zerocopy,
};
use crate::{advice as words, human, sanitize};
use zc_model::{
    advice,
    column::{Column, Devices, PathRow, Paths, Processes, Table as _, Unit, View, per_second},
    counter::CounterId,
    frame::Frame,
    group::GroupBy,
    ledger,
    row::Row,
    snapshot::DeviceSample,
    sort::Listing,
    value::Value,
};

/// Counters that are shown only when something was counted.
const RARE: [CounterId; 23] = [
    CounterId::CowCopiedBytes,
    CounterId::ZerocopyRequestedBytes,
    CounterId::ZerocopyAchievedBytes,
    CounterId::ZerocopyUringBytes,
    CounterId::ZerocopyNotEnabledBytes,
    CounterId::ZerocopyRefusals,
    CounterId::ZerocopyRefusedBytes,
    CounterId::ZerocopyCopiedLaterBytes,
    CounterId::ZerocopyLinearizedBytes,
    CounterId::ReferencedLinearizedBytes,
    CounterId::ZerocopyPulledBytes,
    CounterId::ReferencedPulledBytes,
    CounterId::DiscardedBytes,
    CounterId::UringOps,
    CounterId::UringDeferredOps,
    CounterId::MmapCalls,
    CounterId::MunmapCalls,
    CounterId::MsyncCalls,
    CounterId::LibraryCopySamples,
    CounterId::InlinedCopySamples,
    CounterId::CopyFaultSamples,
    CounterId::NoFileSamples,
    CounterId::UnknownCodeSamples,
];

/// Advice beyond this is for the dashboard.
const MOST_ADVICE: usize = 5;

/// Writes the breakdown of `frame`. `subject` says what was watched: a command, processes, or the
/// machine; it may contain anything. `columns` are those of the table of processes.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_stat(
    frame: &Frame,
    subject: &str,
    listing: &Listing,
    columns: &[&Column],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let active = frame.processes.iter().filter(|process| process.is_active()).count();
    writeln!(
        out,
        "{}: {}, {} active {}",
        sanitize::sanitize(subject),
        human::duration(frame.elapsed_ns),
        human::count(active as u64),
        if active == 1 { "process" } else { "processes" },
    )?;
    write_machine(frame, out)?;
    writeln!(
        out,
        "{} copied by the CPU, {} moved without a copy",
        total(frame, Processes::COPIED_BYTES),
        total(frame, Processes::ZERO_COPIED_BYTES),
    )?;
    write_tax(frame, out)?;
    copiers::write_shares(frame, out)?;
    writeln!(out, "\nPaths")?;
    write_paths(frame, out)?;
    writeln!(out, "\n{}", listing.by.map_or("Processes", GroupBy::plural))?;
    let groups = listing.groups(frame);
    write_rows(frame, listing, groups.as_deref(), columns, out)?;
    writeln!(out, "\nCounters")?;
    write_counters(frame, out)?;
    write_devices(frame, out)?;
    write_mappings(frame, out)?;
    copiers::write_functions(frame, out)?;
    zerocopy::write(frame, listing, out)?;
    write_advice(frame, listing, out)?;
    notes::write(frame, notes::About::Everything(groups.as_deref()), out)
}

fn write_paths(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    if frame.totals.paths.is_empty() {
        return writeln!(out, "  no data moved in this interval");
    }
    let columns: Vec<_> = Paths::of_view(View::Report).collect();
    let mut grid = Grid::of(columns.iter().copied());
    let mut push = |name: &str, row: PathRow<'_>| {
        let cells = columns.iter().map(|column| match **column == *Paths::PATH {
            true => Cell::text(name),
            false => Cell::of(column, row, frame),
        });
        grid.push(cells.collect());
    };
    for (sum, kinds) in ledger::by_path(&frame.totals.paths) {
        push(sum.path.id(), PathRow::One(&sum));
        for sample in kinds.iter().filter(|_| kinds.len() > 1) {
            if let Some(kind) = sample.socket {
                push(&format!("  {}", kind.id()), PathRow::One(sample));
            }
        }
    }
    push("total", PathRow::All(Row::totals(frame)));
    if !frame.unattributed.paths.is_empty() {
        push(UNATTRIBUTED, PathRow::All(Row::unattributed(frame)));
    }
    grid.write(out)
}

fn write_counters(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let row = Row::totals(frame);
    let mut grid = Grid::new([("TOTAL", true), ("COUNTER", false), ("PER SECOND", true)]);
    for counter in CounterId::ALL {
        let in_paths = matches!(counter, CounterId::MovedBytes | CounterId::CopiedBytes);
        let requested = row.counters[CounterId::ZerocopyRequestedBytes] > 0;
        let silent = match counter {
            CounterId::ZerocopyAchievedBytes => !requested,
            _ => {
                let is_rare = RARE.contains(counter) || advice::COUNTERS.contains(counter);
                is_rare && row.counters[*counter] == 0
            }
        };
        if in_paths || silent {
            continue;
        }
        let column = Processes::counter(*counter);
        let value = column.of(row, frame);
        let rate = match per_second(value.clone(), frame) {
            Value::Unavailable(_) => Cell::text(""),
            rate if column.unit == Unit::Bytes => Cell::value(&rate, Unit::BytesPerSec),
            rate => Cell::value(&rate, Unit::PerSec),
        };
        grid.push(vec![Cell::value(&value, column.unit), Cell::text(column.id), rate]);
    }
    grid.write(out)
}

fn write_devices(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let busy =
        frame.devices.iter().filter(|d| d.read_bytes > 0 || d.write_bytes > 0 || d.errors > 0);
    let mut busy = busy.peekable();
    if busy.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\nDevices")?;
    write_device_table(busy, View::Report, frame, out)
}

fn write_device_table<'a>(
    devices: impl Iterator<Item = &'a DeviceSample>,
    view: View,
    frame: &'a Frame,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut grid = Grid::of(Devices::of_view(view));
    for device in devices {
        let cells = Devices::of_view(view).map(|column| Cell::of(column, device, frame));
        grid.push(cells.collect());
    }
    grid.write(out)
}

/// What was mapped for devices to reach: a cross-check of what they report as moved.
fn write_mappings(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let mut busy = frame
        .devices
        .iter()
        .filter(|device| {
            device.mapped.is_some_and(|mapped| mapped != mapped.zip_with(&mapped, |_, _| 0))
        })
        .peekable();
    if busy.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\nMapped for devices")?;
    write_device_table(busy, View::Mappings, frame, out)
}

fn write_advice(frame: &Frame, listing: &Listing, out: &mut dyn io::Write) -> io::Result<()> {
    let mut found: Vec<_> = listing
        .of(frame)
        .flat_map(|process| {
            advice::all(Row::process(process), frame)
                .into_iter()
                .map(move |advice| (process, advice))
        })
        .collect();
    found.sort_by_key(|(_, advice)| std::cmp::Reverse(advice.saving));
    if found.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nAdvice")?;
    for (process, advice) in found.iter().take(MOST_ADVICE) {
        let seconds = frame.seconds();
        let saved = words::saving(advice.saving, seconds).into_iter();
        let saved: Vec<_> = saved.chain(words::spent(advice.saving, seconds)).collect();
        let saving =
            if saved.is_empty() { String::new() } else { format!(" ({})", saved.join("; ")) };
        let text = format!(
            "{} {}: {}. {}: {}, {}{saving}.",
            process.id,
            sanitize::sanitize(&process.comm),
            words::evidence(advice),
            capitalised(advice.certainty.id()),
            advice.remedy(),
            advice.condition(),
        );
        notes::write_wrapped(&text, out)?;
    }
    if found.len() > MOST_ADVICE {
        writeln!(out, "  ... and {} more", found.len() - MOST_ADVICE)?;
    }
    Ok(())
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
