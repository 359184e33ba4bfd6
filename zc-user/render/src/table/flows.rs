//! From which file or peer to which one, below the table of these.

use std::{io, sync::Arc};

use unicode_width::UnicodeWidthStr as _;

use super::{
    grid::{Cell, Grid},
    notes::COLUMNS,
    objects::{LEAST, PROCESS, bytes, name, processes, shortened},
};
use crate::{human, sanitize::truncate};
use zc_common::path::CopyPath;
use zc_model::{
    flow::Flow,
    frame::Frame,
    object::{Peers, Which},
    snapshot::FlowVia,
};

/// Writes at most `top` of the flows of which `which` lists an end, the busiest first.
pub(super) fn write(
    frame: &Frame,
    which: Which,
    peers: &Peers<'_>,
    top: usize,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(objects) = &frame.objects else { return Ok(()) };
    let flows = objects.flows(which);
    let unknown = unknown(frame);
    if flows.is_empty() && unknown == 0 {
        return Ok(());
    }
    writeln!(out)?;
    let listed = &flows[..flows.len().min(top)];
    let mut lines: Vec<[String; 4]> = listed.iter().map(|flow| line(flow, peers)).collect();
    let mut counts: Vec<u64> = listed.iter().map(|flow| flow.bytes).collect();
    let rest = &flows[listed.len()..];
    if !rest.is_empty() {
        let more = format!("({} more)", human::count(rest.len() as u64));
        lines.push([String::new(), String::new(), more, String::new()]);
        counts.push(rest.iter().map(|flow| flow.bytes).fold(0, u64::saturating_add));
    }
    if unknown > 0 {
        lines.push([
            how(FlowVia::Relayed),
            String::new(),
            "(not attributed)".into(),
            String::new(),
        ]);
        counts.push(unknown);
    }
    let cells: Vec<Cell> = counts.into_iter().map(bytes).collect();
    let widest = |of: &dyn Fn(usize) -> usize, title: &str| {
        (0..lines.len()).map(of).chain([title.len()]).max().unwrap_or(0)
    };
    let number = widest(&|at| cells[at].plain().width(), "BYTES ");
    let how = widest(&|at| lines[at][0].width(), "HOW");
    let process = widest(&|at| lines[at][1].width(), "PROCESS").min(PROCESS);
    let room = COLUMNS.saturating_sub(number + how + process + 10).max(LEAST);
    let wanted = widest(&|at| lines[at][2].width(), "FROM");
    // Each has half of the room, and what the other does not need.
    let to = widest(&|at| lines[at][3].width(), "TO").min(room - wanted.min(room / 2));
    let from = room - to;
    let columns =
        [("BYTES", true), ("HOW", false), ("PROCESS", false), ("FROM", false), ("TO", false)];
    let mut grid = Grid::new(columns);
    for (line, cell) in lines.iter().zip(cells) {
        let [via, who, source, target] = line;
        grid.push(vec![
            cell,
            Cell::text(via.clone()),
            Cell::text(truncate(who, process, "...")),
            Cell::text(shortened(source, from)),
            Cell::text(shortened(target, to)),
        ]);
    }
    grid.write(out)
}

fn line(flow: &Flow, peers: &Peers<'_>) -> [String; 4] {
    let called = |object: &Arc<_>| name(object, &flow.processes, peers);
    [how(flow.via), processes(&flow.processes), called(&flow.from), called(&flow.to)]
}

/// Bytes that threads passed on, of which no flow says between what: it was not seen, or there was no room.
#[must_use]
pub fn unknown(frame: &Frame) -> u64 {
    let counted = frame.totals.counters.relayed();
    let flows = frame.objects.iter().flat_map(|objects| &objects.flows);
    let relayed = flows.filter(|flow| flow.via == FlowVia::Relayed).map(|flow| flow.bytes);
    counted.saturating_sub(relayed.fold(0, u64::saturating_add))
}

/// How bytes got from an object to another, in a word.
#[must_use]
pub fn how(via: FlowVia) -> String {
    let FlowVia::Path(path) = via else { return "read+write".into() };
    match path.known() {
        Some(CopyPath::Tee) => "tee".into(),
        Some(CopyPath::CopyRangeReflink) => "reflink".into(),
        Some(CopyPath::CopyRangeCopied) => "copy_range".into(),
        Some(
            CopyPath::SendfileToFile
            | CopyPath::SendfileToPipe
            | CopyPath::SendfileToPseudo
            | CopyPath::SendfileToSocket,
        ) => "sendfile".into(),
        Some(_) => "splice".into(),
        None => path.id().into(),
    }
}
