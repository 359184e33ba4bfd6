//! `zc stat`: the breakdown of one interval, in the manner of `perf stat`.

use std::io;

use super::{
    grid::{Cell, Grid},
    notes,
    once::{total, write_machine, write_processes, write_tax},
    zerocopy,
};
use crate::{advice as words, human, sanitize};
use zc_model::{
    advice,
    column::{Column, Unit},
    counter::CounterId,
    frame::Frame,
    ledger,
    row::Row,
    snapshot::{PathSample, Provenance},
    sort::Listing,
    value::{Quality, Value},
};

const PROCESSES: [&str; 6] =
    ["pid", "comm", "copied_bytes", "moved_bytes", "amplification", "dominant_path"];

/// Counters that are shown only when something was counted.
const RARE: [CounterId; 18] = [
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
    CounterId::UringPuntedOps,
    CounterId::MmapCalls,
    CounterId::MunmapCalls,
    CounterId::MsyncCalls,
];

/// Advice beyond this is for the dashboard.
const MOST_ADVICE: usize = 5;

/// Writes the breakdown of `frame`. `subject` says what was watched: a command, processes, or the
/// machine; it may contain anything.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_stat(
    frame: &Frame,
    subject: &str,
    listing: &Listing,
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
        total(frame, "copied_bytes"),
        total(frame, "zero_copied_bytes"),
    )?;
    write_tax(frame, out)?;
    writeln!(out, "\nPaths")?;
    write_paths(frame, out)?;
    writeln!(out, "\nProcesses")?;
    let columns: Vec<_> = PROCESSES.iter().filter_map(|id| Column::from_id(id)).collect();
    write_processes(frame, listing.of(frame), &columns, out)?;
    writeln!(out, "\nCounters")?;
    write_counters(frame, out)?;
    write_devices(frame, out)?;
    write_mappings(frame, out)?;
    zerocopy::write(frame, listing, out)?;
    write_advice(frame, listing, out)?;
    notes::write(frame, out)
}

fn write_paths(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    if frame.totals.paths.is_empty() {
        return writeln!(out, "  No bytes moved.");
    }
    let mut grid = Grid::new([
        ("PATH", false),
        ("OPS", true),
        ("ERRORS", true),
        ("MOVED", true),
        ("COPIED", true),
        ("COPIED/s", true),
    ]);
    for (sum, kinds) in ledger::by_path(&frame.totals.paths) {
        grid.push(path_cells(sum.path.id().to_owned(), &sum, frame));
        for sample in kinds.iter().filter(|_| kinds.len() > 1) {
            if let Some(kind) = sample.socket {
                grid.push(path_cells(format!("  {}", kind.id()), sample, frame));
            }
        }
    }
    grid.push(sum_cells("total", Row::totals(frame), frame));
    if !frame.unattributed.paths.is_empty() {
        grid.push(sum_cells("  of no process", Row::unattributed(frame), frame));
    }
    grid.write(out)
}

fn path_cells(name: String, sample: &PathSample, frame: &Frame) -> Vec<Cell> {
    let quality = Quality { provenance: sample.provenance, lower_bound: false };
    let copied = if sample.provenance == Provenance::Unavailable {
        Value::Unavailable("")
    } else {
        Value::Integer(sample.copied_bytes, quality)
    };
    vec![
        Cell::text(name),
        Cell::text(human::count(sample.ops)),
        Cell::text(human::count(sample.errors)),
        Cell::text(human::bytes(sample.moved_bytes)),
        Cell::value(&copied, Unit::Bytes),
        Cell::value(&per_second(copied, frame), Unit::BytesPerSec),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn per_second<'a>(value: Value<'a>, frame: &Frame) -> Value<'a> {
    match value {
        Value::Integer(_, _) if frame.elapsed_ns == 0 => Value::Absent,
        Value::Integer(bytes, quality) => Value::Real(bytes as f64 / frame.seconds(), quality),
        other => other,
    }
}

fn sum_cells(name: &str, row: Row<'_>, frame: &Frame) -> Vec<Cell> {
    let sum = |of: fn(&PathSample) -> u64| human::count(row.paths.iter().map(of).sum());
    let column = |id| {
        Column::from_id(id).map_or_else(
            || Cell::text(""),
            |column| Cell::value(&column.of(row, frame), column.unit),
        )
    };
    vec![
        Cell::text(name),
        Cell::text(sum(|sample| sample.ops)),
        Cell::text(sum(|sample| sample.errors)),
        column("moved_bytes"),
        column("copied_bytes"),
        column("copied_bytes_per_sec"),
    ]
}

fn write_counters(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let row = Row::totals(frame);
    let mut grid = Grid::new([("TOTAL", true), ("COUNTER", false), ("PER SECOND", true)]);
    for counter in CounterId::ALL {
        let in_paths = matches!(counter, CounterId::MovedBytes | CounterId::CopiedBytes);
        let asked = row.counters[CounterId::ZerocopyRequestedBytes] > 0;
        let silent = match counter {
            CounterId::ZerocopyAchievedBytes => !asked,
            _ => RARE.contains(counter) && row.counters[*counter] == 0,
        };
        let Some(column) = Column::from_id(counter.id()).filter(|_| !in_paths && !silent) else {
            continue;
        };
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
    let mut grid = Grid::new([
        ("DEVICE", false),
        ("READ", true),
        ("REQUESTS", true),
        ("WRITTEN", true),
        ("REQUESTS", true),
        ("ERRORS", true),
        ("GATHER", true),
        ("DMA", false),
    ]);
    for device in busy {
        let gathered = device.gathered_share().map_or_else(String::new, human::percent);
        let name = sanitize::sanitize(&device.device);
        grid.push(vec![
            Cell::text(sanitize::truncate(&name, 15, "...")),
            Cell::text(human::bytes(device.read_bytes)),
            Cell::text(human::count(device.read_requests)),
            Cell::text(human::bytes(device.write_bytes)),
            Cell::text(human::count(device.write_requests)),
            Cell::text(human::count(device.errors)),
            Cell::text(gathered),
            Cell::text(if device.software { "none" } else { "yes" }),
        ]);
    }
    grid.write(out)
}

/// What was mapped for devices to reach, beside what they say they moved.
fn write_mappings(frame: &Frame, out: &mut dyn io::Write) -> io::Result<()> {
    let mut busy = frame
        .devices
        .iter()
        .filter_map(|device| Some((device, device.mapped?)))
        .filter(|(_, mapped)| *mapped != mapped.zip_with(mapped, |_, _| 0))
        .peekable();
    if busy.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "\nMapped for devices")?;
    let mut grid = Grid::new([
        ("ON THE BUS", false),
        ("FROM DEVICE", true),
        ("TO DEVICE", true),
        ("BOTH", true),
        ("UNMAPPED", true),
        ("BOUNCED", true),
    ]);
    for (device, mapped) in busy {
        let name = sanitize::sanitize(&device.device);
        let cell = |bytes: Option<u64>| {
            Cell::text(bytes.map_or_else(|| human::UNAVAILABLE.to_owned(), human::bytes))
        };
        grid.push(vec![
            Cell::text(sanitize::truncate(&name, 15, "...")),
            cell(mapped.from_device_bytes),
            cell(mapped.to_device_bytes),
            cell(mapped.bidirectional_bytes),
            cell(mapped.unmapped_bytes),
            cell(mapped.bounced_bytes),
        ]);
    }
    grid.write(out)
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
        let saving = words::saving(advice.saving, frame.seconds())
            .map_or_else(String::new, |saving| format!(" ({saving})"));
        let text = format!(
            "{} {}: {}. {}{saving}.",
            process.id,
            sanitize::sanitize(&process.comm),
            words::evidence(advice),
            capitalised(advice.remedy()),
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
