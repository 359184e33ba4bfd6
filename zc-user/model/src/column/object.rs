//! The columns of files, sockets and pipes, and of what flows between them.

use std::sync::LazyLock;

use super::{Column, Processes, Table, Tone, measured, per_second, user::average};
use crate::{
    columns, counter::Counters, flow::Flow, frame::Frame, ledger, object::moved, row::Row,
    snapshot::PathSample, value::Value,
};

/// A file, socket or pipe as it is listed: with the names that the output has made for it.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectLine {
    /// What it is called: hostile input.
    pub name: String,
    /// Who used it: hostile input, too.
    pub process: String,
    /// Paths on which bytes came from it.
    pub from: Vec<PathSample>,
    /// Paths on which bytes went to it.
    pub to: Vec<PathSample>,
    /// Both.
    pub paths: Vec<PathSample>,
}

/// A flow as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowLine {
    /// What it is; `None` of bytes that were passed on, and it was not seen from where and to where.
    pub flow: Option<Flow>,
    /// Bytes.
    pub bytes: u64,
    /// How bytes got there, in a word.
    pub how: String,
    /// What the first object is called: hostile input.
    pub from: String,
    /// What the second one is called: hostile, too.
    pub to: String,
    /// Who did it: hostile, too.
    pub process: String,
}

/// The table of files, sockets and pipes.
pub struct Objects;

/// The table of flows.
pub struct Flows;

impl Table for Objects {
    type Row<'a> = &'a ObjectLine;
    type Context = Frame;
    type Extra = ();

    const PLAIN: () = ();
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

impl Table for Flows {
    type Row<'a> = &'a FlowLine;
    type Context = Frame;
    type Extra = ();

    const PLAIN: () = ();
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

columns! { Objects:
    NAME = "object", "FILE OR PEER", Text, Label,
        "A file, a pipe, or the other end of a socket, with its process where that is on this machine. Names in \
         brackets have what is in no row.",
        |line, _| Value::Text(line.name.as_str().into()),
        .screen(0, (26, 70), Tone::Strong);
    PATH = "path", "PATH", Text, Label,
        "The path on which most bytes came from it or went to it.",
        |line, _| busiest(&line.paths),
        .screen(4, (13, 20), Tone::Text);
    COPIED_BYTES_PER_SEC = "copied_bytes_per_sec", "COPIED/s", BytesPerSec, Gauge,
        "Bytes copied by the CPU per second.",
        |line, frame| Processes::COPIED_BYTES_PER_SEC.of(counts(&line.paths), frame),
        .screen(1, (11, 11), Tone::Copied), .marked();
    READ_BYTES_PER_SEC = "read_bytes_per_sec", "READ/s", BytesPerSec, Gauge,
        "Bytes read or received from it per second.",
        |line, frame| per_second(measured(moved(&line.from)), frame),
        .screen(6, (10, 10), Tone::Text);
    WRITTEN_BYTES_PER_SEC = "written_bytes_per_sec", "WRITTEN/s", BytesPerSec, Gauge,
        "Bytes written or sent to it per second.",
        |line, frame| per_second(measured(moved(&line.to)), frame),
        .screen(7, (10, 10), Tone::Text);
    OPS_PER_SEC = "ops_per_sec", "CALLS/s", PerSec, Gauge,
        "Calls that succeeded, per second.",
        |line, frame| per_second(
            measured(line.paths.iter().map(|it| it.ops).fold(0, u64::saturating_add)), frame,
        ),
        .screen(2, (7, 7), Tone::Text);
    AVERAGE_BYTES = "average_bytes", "AVERAGE", Bytes, Gauge,
        "Bytes that a call moved, on average.",
        |line, _| average(&line.paths),
        .screen(5, (8, 8), Tone::Text);
    PROCESS = "process", "PROCESS", Text, Label,
        "The process that used it, or the busiest of several.",
        |line, _| name(&line.process),
        .screen(3, (10, 24), Tone::Text);
}

columns! { Flows:
    BYTES_PER_SEC = "bytes_per_sec", "BYTES/s", BytesPerSec, Gauge,
        "Bytes that got from the first one to the second one, per second.",
        |line, frame| per_second(measured(line.bytes), frame),
        .screen(0, (10, 10), Tone::Strong);
    HOW = "how", "HOW", Text, Label,
        "How: read+write is a thread that writes or sends what it has just read or received, from the same buffer.",
        |line, _| Value::Text(line.how.as_str().into()),
        .screen(4, (10, 10), Tone::Text);
    FROM = "from", "FROM", Text, Label,
        "Where the bytes came from.",
        |line, _| name(&line.from),
        .screen(1, (20, 56), Tone::Text);
    TO = "to", "TO", Text, Label,
        "Where they went to.",
        |line, _| name(&line.to),
        .screen(2, (20, 56), Tone::Text);
    PROCESS = "process", "PROCESS", Text, Label,
        "The process that did it, or the busiest of several.",
        |line, _| name(&line.process),
        .screen(3, (12, 22), Tone::Text);
}

fn name(text: &str) -> Value<'_> {
    if text.is_empty() { Value::Absent } else { Value::Text(text.into()) }
}

fn busiest(paths: &[PathSample]) -> Value<'_> {
    ledger::dominant_path(paths).map_or(Value::Absent, |path| Value::Text(path.id().into()))
}

/// A row of paths only.
fn counts(paths: &[PathSample]) -> Row<'_> {
    static NONE: LazyLock<Counters> = LazyLock::new(Counters::default);
    Row::counts(&NONE, paths)
}
