//! Stacks as one line each, which flamegraph.pl, inferno and speedscope read: the frames from the outermost to the
//! innermost with semicolons between them, a space, a number.

use std::io;

use zc_common::path::CopyPath;
use zc_model::{
    frame::Frame,
    id::Id,
    snapshot::{FrameKind, StackEnd, StackFrame, StackSample},
};

use crate::sanitize::sanitize;

/// What the numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Copied bytes.
    #[default]
    Bytes,
    /// Nanoseconds of CPU time in the kernel's copy routines.
    Time,
}

/// What a frame is called: the function, or where in its file the code is. Safe for a terminal.
#[must_use]
pub fn function(frame: &StackFrame) -> String {
    let name = frame.function.as_deref().map(sanitize);
    let module = sanitize(frame.module.rsplit('/').next().unwrap_or_default());
    match (name, frame.kind) {
        (Some(name), _) => name.into_owned(),
        (None, FrameKind::NoFile) => format!("{module} 0x{:x}", frame.offset),
        (None, _) => format!("{module}+0x{:x}", frame.offset),
    }
}

/// Writes the stacks of a frame.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_folded(frame: &Frame, weight: Weight, out: &mut dyn io::Write) -> io::Result<()> {
    let Some(stacks) = &frame.stacks else { return Ok(()) };
    let each = stacks.time_each_ns().unwrap_or(0);
    for row in &stacks.rows {
        let number = match weight {
            Weight::Bytes => whole(row.bytes),
            Weight::Time => row.time_samples * each,
        };
        if number > 0 {
            writeln!(out, "{} {number}", stack(row).join(";"))?;
        }
    }
    Ok(())
}

/// The nearest integer.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub(crate) fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// The parts of a line: the process, the frames, and the path. Safe for a terminal.
#[must_use]
pub fn stack(row: &StackSample) -> Vec<String> {
    let comm = if row.comm.is_empty() { "(unattributed)".into() } else { sanitize(&row.comm) };
    let mut parts = vec![part(&comm)];
    match row.end {
        StackEnd::NoFramePointers => parts.push("[no frame pointers]".to_owned()),
        StackEnd::Depth => parts.push("[more]".to_owned()),
        StackEnd::NoStack => parts.push("[no stack]".to_owned()),
        StackEnd::Whole => {}
    }
    parts.extend(row.frames.iter().rev().map(|frame| part(&function(frame))));
    // As flamegraph.pl marks the kernel's functions.
    parts.extend(row.kernel.iter().rev().map(|frame| part(&function(frame)) + "_[k]"));
    if let Some(path) = row.path {
        parts.push(format!("[{}]", part(&path_id(path))));
    }
    parts
}

pub(crate) fn path_id(path: Id<CopyPath>) -> String {
    path.id().to_string()
}

/// Without what divides the parts of a line.
fn part(name: &str) -> String {
    name.replace(';', ":")
}

#[cfg(test)]
pub(crate) mod tests;
