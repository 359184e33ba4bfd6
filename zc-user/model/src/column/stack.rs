//! The columns of code that copies: call stacks, and functions that copy by themselves.

use super::{Column, Table, Tone, measured};
use crate::{
    columns,
    frame::Frame,
    snapshot::{Copier, CopierKind},
    stack::Estimate,
    value::{Quality, Value},
};

/// A stack as it is listed, of the last intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct StackLine {
    /// The innermost functions, and what they have called: hostile input.
    pub code: String,
    /// The process: hostile, too.
    pub process: String,
    /// The path on which most was copied.
    pub path: String,
    /// What it copied.
    pub estimate: Estimate,
    /// What all stacks copied.
    pub all: Estimate,
    /// How long the samples were taken, seconds.
    pub seconds: f64,
    /// How far what the samples are taken of can be trusted.
    pub quality: Quality,
}

/// A function that copies, as it is listed.
#[derive(Clone, Debug, PartialEq)]
pub struct CopierLine {
    /// The function and where it is.
    pub copier: Copier,
    /// The process: hostile input.
    pub process: String,
}

/// The table of stacks.
pub struct Stacks;

/// The table of functions that copy.
pub struct Copiers;

impl Table for Stacks {
    type Row<'a> = &'a StackLine;
    type Context = Frame;
    type Extra = ();

    const PLAIN: () = ();
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

impl Table for Copiers {
    type Row<'a> = &'a CopierLine;
    type Context = Frame;
    type Extra = ();

    const PLAIN: () = ();
    const COLUMNS: &'static [&'static Column<Self>] = Self::ALL;
}

columns! { Stacks:
    SHARE = "share", "SHARE", Fraction, Gauge,
        "Part of the copied bytes of which a stack was taken: an estimate.",
        |line, _| share(line).map_or(Value::Absent, |share| Value::Real(share, line.quality)),
        .screen(1, (7, 7), Tone::Copied), .marked();
    MARGIN = "share_margin", "MARGIN", Fraction, Gauge,
        "The share is that much more or less at most, in 95 of 100 cases: the fewer samples, the wider.",
        |line, _| {
            let margin = share(line).zip(line.estimate.margin());
            margin.map_or(Value::Absent, |(share, margin)| Value::Real(share * margin, Quality::MEASURED))
        },
        .screen(2, (6, 6), Tone::Dim);
    COPIED_BYTES_PER_SEC = "copied_bytes_per_sec", "COPIED/s", BytesPerSec, Gauge,
        "Bytes copied by the CPU per second, of the last ten intervals: an estimate.",
        |line, _| {
            let known = line.estimate.samples > 0 && line.seconds > 0.0;
            known.then(|| line.estimate.bytes / line.seconds)
                .map_or(Value::Absent, |rate| Value::Real(rate, line.quality))
        },
        .screen(4, (11, 11), Tone::Copied), .marked();
    CPU = "copy_time_share", "CPU", Fraction, Gauge,
        "Part of the CPU time in which the kernel was found copying.",
        |line, _| part(line.estimate.time_samples, line.all.time_samples),
        .screen(6, (5, 5), Tone::Text);
    PROCESS = "process", "PROCESS", Text, Label,
        "The process, or how many of the same name.",
        |line, _| if line.process.is_empty() { Value::Absent } else { Value::Text(line.process.as_str().into()) },
        .screen(3, (15, 22), Tone::Strong);
    PATH = "path", "PATH", Text, Label,
        "The path on which most was copied.",
        |line, _| if line.path.is_empty() { Value::Absent } else { Value::Text(line.path.as_str().into()) },
        .screen(5, (18, 18), Tone::Text);
    CODE = "code", "CODE", Text, Label,
        "Functions, the outermost first: the last one made the system call. Enter shows all of them.",
        |line, _| Value::Text(line.code.as_str().into()),
        .screen(0, (24, 200), Tone::Text);
}

columns! { Copiers:
    SAMPLES = "samples", "SAMPLES", Count, Gauge,
        "Samples of CPU time in the function, in the interval; those in page faults that it took included.",
        |line, _| measured(line.copier.samples.saturating_add(line.copier.fault_samples)),
        .screen(1, (8, 8), Tone::Copied);
    FAULT_SAMPLES = "fault_samples", "AT FAULTS", Count, Gauge,
        "The part of them in page faults.",
        |line, _| measured(line.copier.fault_samples),
        .screen(5, (9, 9), Tone::Text);
    PROCESS = "process", "PROCESS", Text, Label,
        "The process.",
        |line, _| Value::Text(line.process.as_str().into()),
        .screen(2, (16, 24), Tone::Strong);
    COPY = "copy", "COPY", Text, Label,
        "function: one that only copies, such as memcpy; loop: a loop in a function that does more.",
        |line, _| Value::Text(match line.copier.kind {
            CopierKind::Library => "function",
            CopierKind::Inlined => "loop",
        }.into()),
        .screen(4, (8, 8), Tone::Text);
    FUNCTION = "function", "FUNCTION", Text, Label,
        "The function.",
        |line, _| line.copier.function.as_deref().map_or(Value::Absent, |name| Value::Text(name.into())),
        .screen(0, (20, 60), Tone::Text);
    FILE = "file", "FILE", Text, Label,
        "The file that it is in.",
        |line, _| Value::Text((&*line.copier.file).into()),
        .screen(3, (14, 60), Tone::Dim);
}

fn share(line: &StackLine) -> Option<f64> {
    (line.all.bytes > 0.0 && line.estimate.samples > 0)
        .then(|| line.estimate.bytes / line.all.bytes)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn part<'a>(part: u64, all: u64) -> Value<'a> {
    if all == 0 {
        return Value::Absent;
    }
    Value::Real(part as f64 / all as f64, Quality::MEASURED)
}
