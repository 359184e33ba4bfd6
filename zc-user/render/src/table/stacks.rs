//! `zc stacks`: which code copies how much.

use std::{borrow::Cow, io};

use super::{
    notes::{self, COLUMNS},
    once::{UNATTRIBUTED, total, write_machine},
};
use crate::{
    folded::function,
    human,
    sanitize::{sanitize, truncate, truncate_start},
};
use zc_common::path::CopyPath;
use zc_model::{
    column::Processes,
    frame::Frame,
    id::Id,
    snapshot::{FrameKind, ProcessId, Provenance, StackEnd, StackFrame, Stacks},
    stack::{Estimate, Listed, copied_apart},
};

/// Frames of a stack that are listed: the innermost ones.
const FRAMES: usize = 16;

/// Columns for the name of a process.
const PROCESS: usize = 22;

/// Writes the stacks that copied most, at most `top` of them.
///
/// # Errors
/// When `out` cannot be written to.
pub fn write_stacks(
    frame: &Frame,
    subject: &str,
    top: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(stacks) = &frame.stacks else { return Ok(()) };
    let (listed, all) = (stacks.listed(), stacks.total());
    writeln!(
        out,
        "{}: {}, {} {}",
        sanitize(subject),
        human::duration(frame.elapsed_ns),
        human::count(listed.len() as u64),
        if listed.len() == 1 { "stack" } else { "stacks" },
    )?;
    write_machine(frame, out)?;
    writeln!(
        out,
        "{} copied by the CPU; {} samples say through which stacks",
        total(frame, Processes::COPIED_BYTES),
        human::count(all.samples),
    )?;
    if listed.is_empty() {
        writeln!(out, "\n  No copies.")?;
        return notes::write(frame, notes::About::Bytes, out);
    }
    writeln!(out, "\n{}", line("COPIED", "SHARE", "CPU", "PROCESS", "PATH"))?;
    for it in listed.iter().take(top) {
        write_one(it, &all, frame, out)?;
    }
    if let Some(rest) = listed.get(top..).filter(|rest| !rest.is_empty()) {
        let mut sum = Estimate::default();
        for it in rest {
            sum.samples += it.estimate.samples;
            sum.bytes += it.estimate.bytes;
            sum.variance += it.estimate.variance;
            sum.time_samples += it.estimate.time_samples;
        }
        let more = format!("({} more)", human::count(rest.len() as u64));
        let paths: Vec<_> =
            rest.iter().flat_map(|it| it.paths.iter().map(|(path, _)| *path)).collect();
        writeln!(out, "{}", estimate_line(&sum, &all, mark(frame, &paths), &more, ""))?;
    }
    for (path, bytes) in copied_apart(frame) {
        let bytes = human::bytes(bytes);
        let path = path.id().to_string();
        writeln!(out, "{}", line(&bytes, "", "", "(no stack taken)", &sanitize(&path)))?;
    }
    if stacks.lost_bytes > 0 {
        writeln!(out, "{}", line(&human::bytes(stacks.lost_bytes), "", "", "(lost samples)", ""))?;
    }
    write_notes(stacks, &listed, out)?;
    notes::write(frame, notes::About::Bytes, out)
}

fn line(copied: &str, share: &str, cpu: &str, process: &str, path: &str) -> String {
    let text = format!("{copied:>10}  {share:>15}  {cpu:>6}  {process:<PROCESS$}  {path}");
    text.trim_end().to_owned()
}

/// The mark of estimates of what is not measured itself: an estimate is no better than that.
fn mark(frame: &Frame, paths: &[Id<CopyPath>]) -> &'static str {
    let of = |provenance| {
        let mut totals = frame.totals.paths.iter();
        totals.any(|total| total.provenance == provenance && paths.contains(&total.path))
    };
    if of(Provenance::Modelled) {
        "~"
    } else if of(Provenance::Assumed) {
        "?"
    } else {
        ""
    }
}

fn estimate_line(
    estimate: &Estimate,
    all: &Estimate,
    mark: &str,
    process: &str,
    path: &str,
) -> String {
    let share = if all.bytes > 0.0 { estimate.bytes / all.bytes } else { 0.0 };
    let margin = estimate.margin().map(|margin| human::percent(margin * share));
    let share = margin.map(|margin| human::with_margin(human::percent(share), &margin));
    let cpu = if all.time_samples > 0 {
        human::percent(estimate.time_samples as f64 / all.time_samples as f64)
    } else {
        human::UNAVAILABLE.to_owned()
    };
    // A stack that only samples of CPU time have met copied bytes, too: nothing says how many.
    let bytes = if estimate.samples > 0 { bytes(estimate.bytes) + mark } else { "-".to_owned() };
    let share = share.unwrap_or_else(|| human::UNAVAILABLE.to_owned());
    line(&bytes, &share, &cpu, process, path)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn bytes(estimate: f64) -> String {
    human::bytes(estimate as u64)
}

fn write_one(
    it: &Listed<'_>,
    all: &Estimate,
    frame: &Frame,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let comm = sanitize(it.comm);
    let process = if it.process == ProcessId::default() {
        UNATTRIBUTED.to_owned()
    } else {
        format!("{comm}[{}]", it.process.pid)
    };
    let process = truncate(&process, PROCESS, "...");
    let ids: Vec<_> = it.paths.iter().map(|(path, _)| path.id().to_string()).collect();
    let paths = sanitize(&ids.join(",")).into_owned();
    let known: Vec<_> = it.paths.iter().map(|(path, _)| *path).collect();
    let mark = mark(frame, &known);
    writeln!(out, "{}", estimate_line(&it.estimate, all, mark, &process, &paths))?;
    for frame in it.frames.iter().take(FRAMES) {
        writeln!(out, "    {}", named(frame))?;
    }
    if let Some(rest) = it.frames.get(FRAMES..).filter(|rest| !rest.is_empty()) {
        writeln!(out, "    ({} more frames)", rest.len())?;
    }
    match it.end {
        StackEnd::NoFramePointers => writeln!(out, "    (no frame pointers from here on)"),
        StackEnd::Depth => writeln!(out, "    (and more)"),
        StackEnd::NoStack => writeln!(out, "    (no stack)"),
        StackEnd::Whole => Ok(()),
    }
}

/// `read (libc.so.6)`, in the columns that there are.
fn named(frame: &StackFrame) -> String {
    let room = COLUMNS - 4;
    let module = sanitize(frame.module.rsplit('/').next().unwrap_or_default());
    let mut behind = match frame.kind {
        FrameKind::Kernel => String::new(),
        _ if frame.function.is_none() => String::new(),
        _ => format!(" ({})", truncate(&module, 24, "...")),
    };
    if frame.kind == FrameKind::Recovered {
        behind.push_str(" [recovered]");
    }
    let name: Cow<'_, str> = function(frame).into();
    let name = truncate_start(&name, room.saturating_sub(behind.len()), "...").into_owned();
    name + &behind
}

fn write_notes(stacks: &Stacks, listed: &[Listed<'_>], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "\nStacks")?;
    notes::write_wrapped(
        "COPIED is an estimate from samples, each of which stands for a number of copied bytes; the margin holds in 95 \
         of 100 cases. The sums that zc stat prints are counted.",
        out,
    )?;
    if stacks.frequency > 0 {
        let text = "CPU is the share of the samples of CPU time that found the kernel copying.";
        notes::write_wrapped(text, out)?;
    }
    let has = |kind| listed.iter().any(|it| it.frames.iter().any(|frame| frame.kind == kind));
    if has(FrameKind::Recovered) {
        notes::write_wrapped(
            "[recovered]: the function below it, which made the system call, keeps no frame; this is what its \
             return address on the stack says, which is very likely and not certain.",
            out,
        )?;
    }
    if listed.iter().any(|it| it.end == StackEnd::NoFramePointers) {
        notes::write_wrapped(
            "(no frame pointers from here on): the program, or a library, was compiled without them, so that its \
             callers are not known. Compile with -fno-omit-frame-pointer, Rust with -C force-frame-pointers=yes, run \
             Java with -XX:+PreserveFramePointer.",
            out,
        )?;
    }
    if listed.iter().any(|it| it.end == StackEnd::NoStack) {
        notes::write_wrapped(
            "(no stack): copied by an asynchronous operation, or where this kernel does not let zc take a stack.",
            out,
        )?;
    }
    if stacks.lost_bytes > 0 {
        let text =
            "(lost samples): there was no room for them; what they stand for is an estimate, too";
        let margin = stacks.lost_margin().map(|it| format!(", +-{} at most", bytes(it)));
        notes::write_wrapped(&format!("{text}{}.", margin.unwrap_or_default()), out)?;
    }
    Ok(())
}
