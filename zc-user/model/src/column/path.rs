//! The columns of copy paths.

use super::{
    Column, Processes, Table, Tone,
    View::{Json, JsonIfAny, Report},
    measured, per_second, process,
    user::average,
};
use crate::{
    columns,
    frame::Frame,
    row::Row,
    snapshot::{PathSample, Provenance},
    value::{Quality, Value},
};

/// The table of paths.
pub struct Paths;

/// A row of the table of paths.
#[derive(Clone, Copy, Debug)]
pub enum PathRow<'a> {
    /// One path, or one kind of socket on it.
    One(&'a PathSample),
    /// All paths of a row together.
    All(Row<'a>),
}

impl Table for Paths {
    type Row<'a> = PathRow<'a>;
    type Context = Frame;
    type Extra = ();

    const PLAIN: () = ();
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

impl PathRow<'_> {
    const fn sample(&self) -> Option<&PathSample> {
        match self {
            Self::One(sample) => Some(sample),
            Self::All(_) => None,
        }
    }

    fn sum(self, count: fn(&PathSample) -> u64) -> u64 {
        match self {
            Self::One(sample) => count(sample),
            Self::All(row) => row.paths.iter().map(count).fold(0, u64::saturating_add),
        }
    }
}

columns! { Paths:
    PATH = "path", "PATH", Text, Label,
        "What happened to the bytes; filters and exports use the same word.",
        |row, _| label(row, |sample| Some(sample.path.id())),
        .on(&[Report]), .screen(0, (20, 24), Tone::Text);
    OPS = "ops", "OPS", Count, Counter,
        "Calls that succeeded.",
        |row, _| measured(row.sum(|sample| sample.ops)),
        .on(&[Report, Json]);
    ERRORS = "errors", "ERRORS", Count, Counter,
        "Calls that failed, EAGAIN included.",
        |row, _| measured(row.sum(|sample| sample.errors)),
        .on(&[Report, Json]);
    MOVED_BYTES = "moved_bytes", "MOVED", Bytes, Counter,
        "Bytes moved: what the calls returned.",
        moved,
        .on(&[Report, Json]);
    COPIED_BYTES = "copied_bytes", "COPIED", Bytes, Counter,
        "Bytes copied by the CPU.",
        copied,
        .on(&[Report, Json]);
    COPIED_BYTES_PER_SEC = "copied_bytes_per_sec", "COPIED/s", BytesPerSec, Gauge,
        "Bytes copied by the CPU per second.",
        |row, frame| per_second(copied(row, frame), frame),
        .on(&[Report]), .screen(1, (10, 10), Tone::Copied), .marked();
    MOVED_BYTES_PER_SEC = "moved_bytes_per_sec", "MOVED/s", BytesPerSec, Gauge,
        "Bytes moved per second: what the calls returned.",
        |row, frame| per_second(moved(row, frame), frame),
        .screen(2, (10, 10), Tone::Text);
    OPS_PER_SEC = "ops_per_sec", "OPS/s", PerSec, Gauge,
        "Calls that succeeded, per second.",
        |row, frame| per_second(measured(row.sum(|sample| sample.ops)), frame),
        .screen(3, (7, 7), Tone::Text);
    ERRORS_PER_SEC = "errors_per_sec", "FAILED/s", PerSec, Gauge,
        "Calls that failed, per second; EAGAIN (nothing there yet, no room yet) included, which is no fault.",
        |row, frame| per_second(measured(row.sum(|sample| sample.errors)), frame),
        .screen(5, (8, 8), Tone::Text);
    ASSUMED_BYTES = "assumed_bytes", "ASSUMED", Bytes, Counter,
        "The part of copied_bytes that no hooked function counted.",
        |row, _| measured(row.sum(assumed)),
        .on(&[JsonIfAny]);
    PROVENANCE = "provenance", "SOURCE", Text, Label,
        "Where the copied bytes come from: measured, assumed (no zero-copy evidence), modelled (kernel \
         function cannot be traced) or unavailable.",
        |row, _| label(row, |sample| Some(sample.provenance.id())),
        .on(&[Json]), .screen(4, (11, 11), Tone::Text);
    SOCKET = "socket", "SOCKET", Text, Label,
        "On the socket paths: the kind of socket.",
        |row, _| label(row, |sample| sample.socket.map(|socket| socket.id())),
        .screen(6, (6, 6), Tone::Text);
    AVERAGE_BYTES = "average_bytes", "AVERAGE", Bytes, Gauge,
        "Bytes that a call moved, on average.",
        |row, _| match row {
            PathRow::One(sample) => average(std::slice::from_ref(sample)),
            PathRow::All(row) => average(row.paths),
        },
        .screen(8, (8, 8), Tone::Text);
    MEANING = "meaning", "WHAT IT IS", Text, Note,
        "The path in one sentence.",
        |row, _| label(row, |sample| Some(sample.path.help())),
        .screen(7, (20, 100), Tone::Dim);
}

fn label<'a>(row: PathRow<'a>, read: fn(&PathSample) -> Option<&'static str>) -> Value<'a> {
    row.sample().and_then(read).map_or(Value::Absent, |text| Value::Text(text.into()))
}

/// Of all paths together, those whose pages no call moved are left out.
fn moved<'a>(row: PathRow<'a>, frame: &'a Frame) -> Value<'a> {
    match row {
        PathRow::One(sample) => measured(sample.moved_bytes),
        PathRow::All(row) => Processes::MOVED_BYTES.of(row, frame),
    }
}

/// Of copies that are not known, no part is assumed.
fn assumed(sample: &PathSample) -> u64 {
    if sample.provenance == Provenance::Unavailable { 0 } else { sample.assumed_bytes }
}

fn copied<'a>(row: PathRow<'a>, frame: &'a Frame) -> Value<'a> {
    match row {
        PathRow::All(row) => Processes::COPIED_BYTES.of(row, frame),
        PathRow::One(sample) => match sample.provenance {
            Provenance::Unavailable => {
                Value::Unavailable(process::why_unavailable(frame, sample.path.known()))
            }
            provenance => {
                Value::Integer(sample.copied_bytes, Quality { provenance, lower_bound: false })
            }
        },
    }
}
