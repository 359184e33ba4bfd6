//! All about the selected row, at the right of a wide screen: the picture, advice, files and code.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{
    Who, bottom,
    list::{Entry, Item, Key},
};
use crate::{page::advised, state::Context, view::canvas::Canvas};
use zc_model::{
    column::Unit,
    frame::Frame,
    group::Finder,
    ledger::PathSum,
    picture::Picture,
    snapshot::{Objects, PathSample, ProcessId, Stacks},
};
use zc_render::{
    cell,
    diagram::{Diagram, Unit as Figures},
    human,
    sanitize::{name, sanitize},
    table::object_name,
    theme::Theme,
};

/// Rows of files and of code.
const FILES: usize = 6;

/// Draws what is at the right of the table, behind a rule.
pub(super) fn draw(page: &Who, context: &Context, frame: &Frame, area: Rect, buf: &mut Buffer) {
    let theme = context.theme();
    for y in area.top()..area.bottom() {
        let sign = theme.symbols.border.vertical_left;
        buf.set_stringn(area.x.saturating_sub(1), y, sign, 1, theme.dim());
    }
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
    let mut canvas = Canvas::new(inner.width);
    match page.selected() {
        Some(entry) => about(entry, page, context, frame, &mut canvas),
        None => {
            let said = bottom::said(page, context, frame);
            canvas.paragraph(&format!("{} {}", said.first, said.second), 0, theme.text());
        }
    }
    show(&canvas, theme, inner, buf);
}

/// Shows as much as fits: keys move the selection, and do not scroll what is about it.
fn show(canvas: &Canvas, theme: Theme, area: Rect, buf: &mut Buffer) {
    let from = canvas.buffer();
    let is_cut = canvas.height() > area.height;
    let lines = if is_cut { area.height.saturating_sub(1) } else { canvas.height() };
    for y in 0..lines {
        for x in 0..area.width.min(canvas.width()) {
            if let (Some(to), Some(cell)) =
                (buf.cell_mut((area.x + x, area.y + y)), from.cell((x, y)))
            {
                *to = cell.clone();
            }
        }
    }
    if is_cut {
        let more = format!("{} more lines", canvas.height() - lines);
        buf.set_stringn(area.x, area.y + lines, more, usize::from(area.width), theme.dim());
    }
}

fn about(entry: &Entry, page: &Who, context: &Context, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    title(entry, context, frame, canvas);
    let row = entry.row(frame);
    let picture = Picture::new(frame, row.counters, row.paths);
    let diagram = Diagram::new(&picture, theme, Figures::PerSecond(frame.seconds()));
    let (area, buf) = canvas.block(diagram.height(canvas.width()));
    diagram.draw(area, buf);
    canvas.gap();
    if entry.advice.is_empty() {
        let said = bottom::said(page, context, frame);
        canvas.paragraph(&said.first, 0, theme.text());
        canvas.paragraph(&said.second, 0, theme.dim());
    }
    for told in &entry.advice {
        advised::told(&told.command, &told.advice, None, context, frame, canvas);
        canvas.gap();
    }
    if frame.objects.is_none() && frame.stacks.is_none() {
        return;
    }
    let members = members(entry, frame);
    if let Some(objects) = &frame.objects {
        files(objects, &members, context, frame, canvas);
    }
    if let Some(stacks) = &frame.stacks {
        code(stacks, &members, context, canvas);
    }
}

fn title(entry: &Entry, context: &Context, frame: &Frame, canvas: &mut Canvas) {
    let theme = context.theme();
    let mut spans = vec![Span::styled(name(entry.name(frame)).into_owned(), theme.strong())];
    let mut more = |text: String| spans.push(Span::styled(format!("  {text}"), theme.dim()));
    match (&entry.item, entry.process(frame)) {
        (Item::Group(group), _) => {
            more(format!("x{}", human::count(group.members.unwrap_or(0))));
            if let Some(cgroup) = &group.cgroup {
                more(sanitize(cgroup).into_owned());
            }
        }
        (_, Some(process)) => {
            more(format!("pid {}", process.id.pid));
            let user = process.user.and_then(|user| frame.host.users.get(&user));
            if let Some(user) = user {
                more(sanitize(user).into_owned());
            }
            if let Some(cgroup) = &process.cgroup {
                more(sanitize(cgroup).into_owned());
            }
        }
        _ => {}
    }
    canvas.line(spans);
}

/// The processes of a row.
fn members(entry: &Entry, frame: &Frame) -> HashSet<ProcessId> {
    let mut members = HashSet::new();
    match (&entry.key, &entry.item) {
        (Key::Group(wanted), Item::Group(of)) => {
            let mut finder = Finder::new(of.by, frame);
            for process in &frame.processes {
                finder.each(process, |_, id, _| {
                    if id == *wanted {
                        members.insert(process.id);
                    }
                });
            }
        }
        (Key::Process(key, _), _) => {
            members.insert(key.id());
        }
        (Key::Group(_), _) => {}
    }
    members
}

/// The busiest files and peers, where these are counted.
fn files(
    objects: &Objects,
    members: &HashSet<ProcessId>,
    context: &Context,
    frame: &Frame,
    canvas: &mut Canvas,
) {
    let theme = context.theme();
    let peers = objects.peers();
    for (title, read) in [
        (
            "READ FROM",
            (|row| &row.from) as fn(&zc_model::snapshot::ObjectSample) -> &Vec<PathSample>,
        ),
        ("WRITTEN OR SENT TO", |row| &row.to),
    ] {
        let mut sums: HashMap<String, u64> = HashMap::new();
        for row in objects.rows.iter().filter(|row| members.contains(&row.process)) {
            let moved = PathSum::of(read(row)).moved_bytes;
            if moved > 0 {
                let users = [(row.process, Arc::clone(&row.comm))];
                let name = object_name(&row.object, &users, &peers);
                *sums.entry(name).or_default() += moved;
            }
        }
        if sums.is_empty() {
            continue;
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by(|(a_name, a), (b_name, b)| b.cmp(a).then_with(|| a_name.cmp(b_name)));
        canvas.line(Span::styled(title, theme.head()));
        for (name, bytes) in sums.iter().take(FILES) {
            let rate = cell::rate(*bytes, Unit::BytesPerSec, frame);
            canvas.line(Line::from(format!("{rate:>11}  {name}")));
        }
        if let Some(rest) = sums.len().checked_sub(FILES).filter(|rest| *rest > 0) {
            canvas.line(Span::styled(format!("{:>11}  {rest} more", ""), theme.dim()));
        }
    }
}

/// The code that copied most, where stacks are sampled: the innermost function of the program, and its callers.
fn code(stacks: &Stacks, members: &HashSet<ProcessId>, context: &Context, canvas: &mut Canvas) {
    let theme = context.theme();
    let mut sums: HashMap<String, f64> = HashMap::new();
    let mut all = 0.0;
    let copies = |row: &&zc_model::snapshot::StackSample| {
        members.contains(&row.process) && row.path.is_some() && row.bytes > 0.0
    };
    for row in stacks.rows.iter().filter(copies) {
        let names: Vec<_> =
            row.frames.iter().filter_map(|frame| frame.function.as_deref()).take(3).collect();
        let names = if names.is_empty() { vec!["?"] } else { names };
        let chain = names.into_iter().rev().map(sanitize).collect::<Vec<_>>().join(" > ");
        all += row.bytes;
        *sums.entry(chain).or_default() += row.bytes;
    }
    if all <= 0.0 {
        return;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|(a_name, a), (b_name, b)| b.total_cmp(a).then_with(|| a_name.cmp(b_name)));
    canvas.line(Span::styled("CODE THAT COPIES", theme.head()));
    for (chain, bytes) in sums.iter().take(FILES) {
        let share = bytes / all * 100.0;
        canvas.line(Line::from(format!("{share:>4.0}%  {chain}")));
    }
}
