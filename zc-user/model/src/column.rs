//! THE column table: every number and name that can be shown, sorted by, filtered on or exported.
//!
//! Each output reads this table; to add a column, add an entry.

use std::borrow::Cow;

use super::{
    advice,
    frame::Frame,
    ledger::{self, Copied},
    row::Row,
    tax,
    value::{Quality, Value},
};
use crate::{
    counter::CounterId,
    snapshot::{ProcessSample, Provenance},
};

/// What a column's numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSec,
    /// Things per second.
    PerSec,
    /// How many times.
    Ratio,
    /// A part of a whole, from 0 to 1.
    Fraction,
    /// Nanoseconds.
    Nanoseconds,
    /// A number that is a name: shown as it is, without separators.
    Number,
    /// A name.
    Text,
}

impl Unit {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::BytesPerSec => "bytes_per_sec",
            Self::PerSec => "per_sec",
            Self::Ratio => "ratio",
            Self::Fraction => "fraction",
            Self::Nanoseconds => "ns",
            Self::Number => "number",
            Self::Text => "text",
        }
    }

    /// Whether cells are best aligned to the right.
    #[must_use]
    pub const fn is_numeric(self) -> bool {
        !matches!(self, Self::Text)
    }
}

/// How a column behaves over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; a frame holds what was added during its interval.
    Counter,
    /// Goes up and down: rates and ratios.
    Gauge,
    /// Says which process it is, or what it is like.
    Label,
}

impl Kind {
    /// The stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Label => "label",
        }
    }
}

/// A column: defined once, read by every output.
pub struct Column {
    /// The stable snake_case id: the same word in JSON, CSV, filters, `--sort` and docs.
    pub id: &'static str,
    /// The heading, at most 12 characters.
    pub title: &'static str,
    /// What it says, in one sentence.
    pub help: &'static str,
    /// What its numbers count.
    pub unit: Unit,
    /// How it behaves over time.
    pub kind: Kind,
    /// Reads the cell.
    pub accessor: for<'a> fn(Row<'a>, &'a Frame) -> Value<'a>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column").field("id", &self.id).finish_non_exhaustive()
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Column {
    /// The column with this id.
    #[must_use]
    pub fn from_id(id: &str) -> Option<&'static Self> {
        COLUMNS.iter().find(|column| column.id == id)
    }

    /// The cell of a process.
    #[must_use]
    pub fn of_process<'a>(&self, process: &'a ProcessSample, frame: &'a Frame) -> Value<'a> {
        (self.accessor)(Row::process(process), frame)
    }

    /// The cell of any line.
    #[must_use]
    pub fn of<'a>(&self, row: Row<'a>, frame: &'a Frame) -> Value<'a> {
        (self.accessor)(row, frame)
    }
}

macro_rules! columns {
    ($($id:literal, $title:literal, $unit:ident, $kind:ident, $help:expr, $accessor:expr;)*) => {
        /// Every column.
        pub static COLUMNS: &[Column] = &[$(Column {
            id: $id,
            title: $title,
            help: $help,
            unit: Unit::$unit,
            kind: Kind::$kind,
            accessor: $accessor,
        },)*];
    };
}

columns! {
    "pid", "PID", Number, Label,
        "Process id in the initial pid namespace; 0 for short-lived processes merged by name.",
        |row, _| of_process(row, |process| number(process.id.pid.into()));
    "ppid", "PPID", Number, Label,
        "Process id of the parent when the process was first seen.",
        |row, _| of_process(row, |process| number(process.parent.pid.into()));
    "comm", "COMMAND", Text, Label,
        "Name of the process's main thread, as the kernel has it (at most 15 bytes).",
        |row, _| of_process(row, |process| Value::Text(Cow::Borrowed(&process.comm)));
    "cgroup", "CGROUP", Text, Label,
        "Path of the control group.",
        |row, _| of_process(row, |process| {
            process.cgroup.as_deref().map_or(Value::Absent, |cgroup| Value::Text(cgroup.into()))
        });
    "state", "STATE", Text, Label,
        "alive, exited, kernel (a kernel thread) or merged (short-lived processes of one name).",
        |row, _| of_process(row, |process| Value::Text(state(process).into()));

    "copied_bytes", "COPIED", Bytes, Counter,
        "Bytes copied by the CPU on all paths.",
        |row, frame| copied_value(frame, Copied::of(row.paths, frame.host.copies));
    "copied_bytes_per_sec", "COPIED/s", BytesPerSec, Gauge,
        "Bytes copied by the CPU per second.",
        |row, frame| {
            per_second(copied_value(frame, Copied::of(row.paths, frame.host.copies)), frame)
        };
    "moved_bytes", "MOVED", Bytes, Counter,
        "Bytes moved on all paths, copied or not: what the calls returned.",
        |row, frame| counter(row, frame, CounterId::MovedBytes);
    "moved_bytes_per_sec", "MOVED/s", BytesPerSec, Gauge,
        "Bytes moved on all paths per second.",
        |row, frame| per_second(counter(row, frame, CounterId::MovedBytes), frame);
    "zero_copied_bytes", "ZEROCOPIED", Bytes, Counter,
        "Bytes moved without a copy by the CPU. Pseudo files do not count.",
        |row, frame| zero_copied(row, frame);
    "zero_copied_bytes_per_sec", "ZEROCOPIED/s", BytesPerSec, Gauge,
        "Bytes moved per second without a copy by the CPU. Pseudo files do not count.",
        |row, frame| per_second(zero_copied(row, frame), frame);
    "amplification", "AMPLIF", Ratio, Gauge,
        "CPU-copied bytes per payload byte. Payload is the busier direction, in or out, of files, \
         sockets and pipes: read + write of a byte is 2, sendfile of it 0. Memory paths and \
         pseudo files are left out.",
        |row, frame| amplification(row, frame);
    "dominant_path", "PATH", Text, Label,
        "The path that moved the most bytes. Pseudo files only where there is nothing else.",
        |row, _| ledger::dominant_path(row.paths)
            .map_or(Value::Absent, |path| Value::Text(path.id().into()));
    "advice", "ADVICE", Text, Label,
        "The rule with the greatest predicted saving that applies to the process.",
        |row, frame| advice::best(row, frame)
            .map_or(Value::Absent, |advice| Value::Text(advice.rule.id().into()));

    "syscalls", "SYSCALLS", Count, Counter,
        CounterId::Syscalls.help(),
        |row, frame| counter(row, frame, CounterId::Syscalls);
    "syscalls_per_sec", "SYSCALLS/s", PerSec, Gauge,
        "System calls that returned, per second.",
        |row, frame| per_second(counter(row, frame, CounterId::Syscalls), frame);
    "mode_switches", "MODESW", Count, Counter,
        CounterId::ModeSwitches.help(),
        |row, frame| counter(row, frame, CounterId::ModeSwitches);
    "mode_switches_per_sec", "MODESW/s", PerSec, Gauge,
        "Switches between user and kernel mode per second.",
        |row, frame| per_second(counter(row, frame, CounterId::ModeSwitches), frame);
    "context_switches_voluntary", "CSW-VOL", Count, Counter,
        CounterId::ContextSwitchesVoluntary.help(),
        |row, frame| counter(row, frame, CounterId::ContextSwitchesVoluntary);
    "context_switches_voluntary_per_sec", "CSW-VOL/s", PerSec, Gauge,
        "Voluntary context switches per second.",
        |row, frame| per_second(counter(row, frame, CounterId::ContextSwitchesVoluntary), frame);
    "context_switches_involuntary", "CSW-INVOL", Count, Counter,
        CounterId::ContextSwitchesInvoluntary.help(),
        |row, frame| counter(row, frame, CounterId::ContextSwitchesInvoluntary);
    "context_switches_involuntary_per_sec", "CSW-INVOL/s", PerSec, Gauge,
        "Involuntary context switches per second.",
        |row, frame| per_second(counter(row, frame, CounterId::ContextSwitchesInvoluntary), frame);
    "page_faults_minor", "FAULTS-MIN", Count, Counter,
        CounterId::PageFaultsMinor.help(),
        |row, frame| counter(row, frame, CounterId::PageFaultsMinor);
    "page_faults_major", "FAULTS-MAJ", Count, Counter,
        CounterId::PageFaultsMajor.help(),
        |row, frame| counter(row, frame, CounterId::PageFaultsMajor);
    "cow_copied_bytes", "COW", Bytes, Counter,
        CounterId::CowCopiedBytes.help(),
        |row, frame| counter(row, frame, CounterId::CowCopiedBytes);
    "page_cache_hits", "CACHE-HIT", Count, Counter,
        CounterId::PageCacheHits.help(),
        |row, frame| counter(row, frame, CounterId::PageCacheHits);
    "page_cache_misses", "CACHE-MISS", Count, Counter,
        CounterId::PageCacheMisses.help(),
        |row, frame| counter(row, frame, CounterId::PageCacheMisses);
    "page_cache_hit_ratio", "HIT-RATIO", Fraction, Gauge,
        "Page-cache hits per hit and miss. Readahead counts as a miss, the reads it serves as hits.",
        |row, frame| hit_ratio(row, frame);
    "block_read_bytes", "BLK-READ", Bytes, Counter,
        CounterId::BlockReadBytes.help(),
        |row, frame| counter(row, frame, CounterId::BlockReadBytes);
    "block_read_bytes_per_sec", "BLK-READ/s", BytesPerSec, Gauge,
        "Bytes of read requests made to block devices per second.",
        |row, frame| per_second(counter(row, frame, CounterId::BlockReadBytes), frame);
    "block_write_bytes", "BLK-WRITE", Bytes, Counter,
        CounterId::BlockWriteBytes.help(),
        |row, frame| counter(row, frame, CounterId::BlockWriteBytes);
    "block_write_bytes_per_sec", "BLK-WRITE/s", BytesPerSec, Gauge,
        "Bytes of write requests made to block devices per second.",
        |row, frame| per_second(counter(row, frame, CounterId::BlockWriteBytes), frame);
    "block_dirtied_bytes", "BLK-DIRTY", Bytes, Counter,
        CounterId::BlockDirtiedBytes.help(),
        |row, frame| counter(row, frame, CounterId::BlockDirtiedBytes);
    "block_dirtied_bytes_per_sec", "BLK-DIRTY/s", BytesPerSec, Gauge,
        "Bytes written to block devices of what the process had put there, per second.",
        |row, frame| per_second(counter(row, frame, CounterId::BlockDirtiedBytes), frame);
    "net_tx_bytes", "NET-TX", Bytes, Counter,
        CounterId::NetTxBytes.help(),
        |row, frame| counter(row, frame, CounterId::NetTxBytes);
    "net_tx_bytes_per_sec", "NET-TX/s", BytesPerSec, Gauge,
        "Payload bytes handed to network sockets per second.",
        |row, frame| per_second(counter(row, frame, CounterId::NetTxBytes), frame);
    "net_rx_bytes", "NET-RX", Bytes, Counter,
        CounterId::NetRxBytes.help(),
        |row, frame| counter(row, frame, CounterId::NetRxBytes);
    "net_rx_bytes_per_sec", "NET-RX/s", BytesPerSec, Gauge,
        "Payload bytes received from network sockets per second.",
        |row, frame| per_second(counter(row, frame, CounterId::NetRxBytes), frame);
    "zerocopy_requested_bytes", "ZC-ASKED", Bytes, Counter,
        CounterId::ZerocopyRequestedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyRequestedBytes);
    "zerocopy_achieved_bytes", "ZC-ACHIEVED", Bytes, Counter,
        CounterId::ZerocopyAchievedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyAchievedBytes);
    "zerocopy_uring_bytes", "ZC-URING", Bytes, Counter,
        CounterId::ZerocopyUringBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyUringBytes);
    "zerocopy_not_enabled_bytes", "ZC-NOT-SET", Bytes, Counter,
        CounterId::ZerocopyNotEnabledBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyNotEnabledBytes);
    "zerocopy_refusals", "ZC-REFUSALS", Count, Counter,
        CounterId::ZerocopyRefusals.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyRefusals);
    "zerocopy_refused_bytes", "ZC-REFUSED", Bytes, Counter,
        CounterId::ZerocopyRefusedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyRefusedBytes);
    "zerocopy_copied_later_bytes", "ZC-LATER", Bytes, Counter,
        CounterId::ZerocopyCopiedLaterBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyCopiedLaterBytes);
    "zerocopy_linearized_bytes", "ZC-LINEAR", Bytes, Counter,
        CounterId::ZerocopyLinearizedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyLinearizedBytes);
    "referenced_linearized_bytes", "REF-LINEAR", Bytes, Counter,
        CounterId::ReferencedLinearizedBytes.help(),
        |row, frame| counter(row, frame, CounterId::ReferencedLinearizedBytes);
    "zerocopy_pulled_bytes", "ZC-PULLED", Bytes, Counter,
        CounterId::ZerocopyPulledBytes.help(),
        |row, frame| counter(row, frame, CounterId::ZerocopyPulledBytes);
    "referenced_pulled_bytes", "REF-PULLED", Bytes, Counter,
        CounterId::ReferencedPulledBytes.help(),
        |row, frame| counter(row, frame, CounterId::ReferencedPulledBytes);
    "discarded_bytes", "DISCARDED", Bytes, Counter,
        CounterId::DiscardedBytes.help(),
        |row, frame| counter(row, frame, CounterId::DiscardedBytes);
    "copy_tax", "COPY-TAX", Fraction, Gauge,
        "Share of the CPU time that went into the kernel's copy routines, by samples: 99 a second \
         on each CPU. Not given for less than 25 samples.",
        |row, frame| tax::copy_tax(row.counters, frame);
    "copy_tax_margin", "TAX-MARGIN", Fraction, Gauge,
        "How far the copy tax may be off either way, with 95 % confidence: the fewer samples the \
         farther.",
        |row, frame| tax::copy_tax_margin(row.counters, frame);
    "cpu_samples", "CPU-SAMPLES", Count, Counter,
        CounterId::CpuSamples.help(),
        |row, frame| counter(row, frame, CounterId::CpuSamples);
    "copy_samples", "COPY-SAMPLES", Count, Counter,
        CounterId::CopySamples.help(),
        |row, frame| counter(row, frame, CounterId::CopySamples);
    "transformed_bytes", "TRANSFORMED", Bytes, Counter,
        CounterId::TransformedBytes.help(),
        |row, frame| counter(row, frame, CounterId::TransformedBytes);
    "uring_ops", "URING", Count, Counter,
        CounterId::UringOps.help(),
        |row, frame| counter(row, frame, CounterId::UringOps);
    "uring_punted_ops", "URING-PUNT", Count, Counter,
        CounterId::UringPuntedOps.help(),
        |row, frame| counter(row, frame, CounterId::UringPuntedOps);
    "mmap_calls", "MMAP", Count, Counter,
        CounterId::MmapCalls.help(),
        |row, frame| counter(row, frame, CounterId::MmapCalls);
    "munmap_calls", "MUNMAP", Count, Counter,
        CounterId::MunmapCalls.help(),
        |row, frame| counter(row, frame, CounterId::MunmapCalls);
    "msync_calls", "MSYNC", Count, Counter,
        CounterId::MsyncCalls.help(),
        |row, frame| counter(row, frame, CounterId::MsyncCalls);
}

fn of_process<'a>(row: Row<'a>, read: impl FnOnce(&'a ProcessSample) -> Value<'a>) -> Value<'a> {
    row.process.map_or(Value::Absent, read)
}

const fn number<'a>(value: u64) -> Value<'a> {
    Value::Integer(value, Quality::MEASURED)
}

/// The process's state in one word.
#[must_use]
pub const fn state(process: &ProcessSample) -> &'static str {
    if process.id.pid == 0 {
        "merged"
    } else if process.exited {
        "exited"
    } else if process.kernel {
        "kernel"
    } else {
        "alive"
    }
}

fn counter<'a>(row: Row<'a>, frame: &'a Frame, counter: CounterId) -> Value<'a> {
    let value = row.counters[counter];
    match frame.host.limitation(counter) {
        None => number(value),
        Some(limit) if limit.provenance == Provenance::Unavailable => {
            Value::Unavailable(&limit.reason)
        }
        Some(limit) => {
            Value::Integer(value, Quality { provenance: limit.provenance, lower_bound: false })
        }
    }
}

/// Why the copies of a zero-copy send are not known where the machine gives no reason of its own.
const NO_ZEROCOPY_EVIDENCE: &str =
    "this kernel does not tell whether zero-copy sends were copied after all";

/// Why `copied_bytes` is not available for a line that moved bytes.
#[must_use]
pub fn why_copies_are_unavailable(frame: &Frame) -> &str {
    [CounterId::ZerocopyAchievedBytes, CounterId::CopiedBytes]
        .into_iter()
        .find_map(|counter| frame.host.limitation(counter))
        .map_or(NO_ZEROCOPY_EVIDENCE, |limit| &limit.reason)
}

fn copied_value<'a>(frame: &'a Frame, copied: Copied) -> Value<'a> {
    if copied.is_unavailable() {
        return Value::Unavailable(why_copies_are_unavailable(frame));
    }
    let quality = Quality { provenance: copied.provenance, lower_bound: copied.is_lower_bound() };
    Value::Integer(copied.bytes, quality)
}

fn zero_copied<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    let bytes = ledger::zero_copied_bytes(row.paths);
    let copied = Copied::of(row.paths, frame.host.copies);
    if bytes == 0 && copied.is_lower_bound() {
        return Value::Unavailable(why_copies_are_unavailable(frame));
    }
    let quality = Quality { provenance: copied.provenance, lower_bound: copied.is_lower_bound() };
    Value::Integer(bytes, quality)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with four digits at most")]
fn per_second<'a>(value: Value<'a>, frame: &'a Frame) -> Value<'a> {
    match value {
        Value::Integer(_, _) if frame.elapsed_ns == 0 => Value::Absent,
        Value::Integer(value, quality) => Value::Real(value as f64 / frame.seconds(), quality),
        other => other,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio is shown with four digits at most")]
fn amplification<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    let payload = ledger::payload_bytes(row.paths);
    if payload == 0 {
        return Value::Absent;
    }
    match copied_value(frame, ledger::payload_copied(row.paths, frame.host.copies)) {
        Value::Integer(copied, quality) => Value::Real(copied as f64 / payload as f64, quality),
        other => other,
    }
}

fn hit_ratio<'a>(row: Row<'a>, frame: &'a Frame) -> Value<'a> {
    let hits = counter(row, frame, CounterId::PageCacheHits);
    let misses = counter(row, frame, CounterId::PageCacheMisses);
    match (hits.number(), misses.number()) {
        (Some(hits), Some(misses)) if hits + misses > 0.0 => {
            Value::Real(hits / (hits + misses), Quality::MEASURED)
        }
        (Some(_), Some(_)) => Value::Absent,
        (None, _) => hits,
        (_, None) => misses,
    }
}

#[cfg(test)]
mod tests;
