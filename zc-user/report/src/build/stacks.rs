//! Which code makes the kernel copy: call stacks, as far as they were recorded.

use std::collections::HashMap;

use zc_model::{
    frame::Frame,
    snapshot::{FrameKind, ProcessId, StackEnd, Stacks},
    stack::{Estimate, Listed, copied_apart},
};
use zc_render::{
    folded, human,
    table::{UNATTRIBUTED, shortened},
};

use super::{
    MOST_ROWS,
    groups::{NAME, and_more, named},
    sheet::{Modelled, Sheet},
};
use crate::content::{Block, Kind, Node, Section, Table, Tree};

/// Stacks that are drawn; the others are one box.
const MOST_DRAWN: usize = 2_000;

/// Frames of a stack that are drawn: the innermost ones.
const MOST_FRAMES: usize = 100;

/// Functions of a stack that are named in the table: the innermost ones.
const NAMED: usize = 4;

pub(super) fn section(frame: &Frame) -> Option<Section> {
    let stacks = frame.stacks.as_ref()?;
    let mut blocks = Vec::new();
    let listed = merged(stacks.listed());
    if listed.is_empty() {
        blocks.push(Block::Text("No copies with a call stack were recorded.".to_owned()));
    } else {
        let total = stacks.total();
        blocks.push(Block::Text(format!(
            "From {} samples of copied bytes, each of which stands for a number of them; margins hold in 95 of 100 \
             cases. The sums in the other tables are counted, not sampled.",
            human::count(total.samples)
        )));
        blocks.push(Block::Stacks(tree(stacks)));
        blocks.push(Block::Table(table(stacks, &listed, &total, frame)));
        blocks.extend(notes(&listed));
    }
    Some(Section { id: "stacks", title: "Which code copies", blocks })
}

/// A stack of all processes of a name.
struct Common<'a> {
    one: Listed<'a>,
    processes: u64,
}

/// Workers of one program have the same stacks: each is listed once.
fn merged(listed: Vec<Listed<'_>>) -> Vec<Common<'_>> {
    let mut places = HashMap::new();
    let mut all: Vec<Common<'_>> = Vec::new();
    for one in listed {
        let is_known = one.process != ProcessId::default();
        let place =
            *places.entry((&**one.comm, is_known, one.frames, one.end)).or_insert(all.len());
        let Some(known) = all.get_mut(place) else {
            all.push(Common { one, processes: 1 });
            continue;
        };
        known.processes += 1;
        let (sum, more) = (&mut known.one.estimate, one.estimate);
        sum.bytes += more.bytes;
        sum.variance += more.variance;
        sum.samples += more.samples;
        sum.time_samples += more.time_samples;
        for (path, bytes) in one.paths {
            match known.one.paths.iter_mut().find(|(it, _)| *it == path) {
                Some((_, sum)) => *sum += bytes,
                None => known.one.paths.push((path, bytes)),
            }
        }
    }
    all.sort_by(|a, b| b.one.estimate.bytes.total_cmp(&a.one.estimate.bytes));
    all
}

/// The stacks as a tree.
fn tree(stacks: &Stacks) -> Tree {
    let mut rows: Vec<_> = stacks.rows.iter().filter(|row| row.bytes > 0.0).collect();
    rows.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    let mut root = Node { name: "all".to_owned(), ..Node::default() };
    for row in rows.iter().take(MOST_DRAWN) {
        let mut parts: Vec<_> = folded::stack(row).iter().map(|part| named(part)).collect();
        // The process first, then what calls what.
        let beyond = parts.len().saturating_sub(MOST_FRAMES + 1);
        if beyond > 0 {
            parts.splice(1..=beyond, [format!("[{beyond} more frames]")]);
        }
        insert(&mut root, parts, row.bytes);
    }
    let rest = rows.get(MOST_DRAWN..).unwrap_or_default();
    if !rest.is_empty() {
        let bytes = rest.iter().map(|row| row.bytes).sum();
        insert(
            &mut root,
            vec![format!("({} more stacks)", human::count(rest.len() as u64))],
            bytes,
        );
    }
    sort(&mut root);
    Tree { root }
}

fn insert(root: &mut Node, parts: Vec<String>, bytes: f64) {
    root.bytes += bytes;
    let mut node = root;
    for name in parts {
        let at = match node.children.iter().position(|child| child.name == name) {
            Some(at) => at,
            None => {
                node.children.push(Node { name, ..Node::default() });
                node.children.len() - 1
            }
        };
        node = &mut node.children[at];
        node.bytes += bytes;
    }
}

fn sort(node: &mut Node) {
    node.children.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    node.children.iter_mut().for_each(sort);
}

fn table(stacks: &Stacks, listed: &[Common<'_>], total: &Estimate, frame: &Frame) -> Table {
    let columns = [
        ("CODE", false),
        ("PROCESS", false),
        ("PATH", false),
        ("COPIED", true),
        ("SHARE", true),
        ("CPU", true),
    ];
    let caption = "Call stacks, the most copied bytes first; of each, the innermost function first";
    let mut sheet = Sheet::new(caption, Modelled(false), &columns).extra(&["CPU", "PATH"]);
    let numbers = |estimate: &Estimate| {
        let copied = if estimate.samples > 0 { bytes(estimate.bytes) } else { "-".to_owned() };
        [copied, share(estimate, total), cpu(estimate, total)]
    };
    let cells = |code: String, who: String, paths: String, estimate: &Estimate| {
        let mut cells = vec![code, who, paths];
        cells.extend(numbers(estimate));
        cells
    };
    let most = listed.first().map_or(0, |it| folded_bytes(it.one.estimate.bytes));
    for common in listed.iter().take(MOST_ROWS) {
        let it = &common.one;
        let row = cells(code(it), who(it, common.processes), paths(it), &it.estimate);
        sheet.push_with(Kind::Row, row, Some((folded_bytes(it.estimate.bytes), most)));
    }
    if let Some(rest) = listed.get(MOST_ROWS..).filter(|rest| !rest.is_empty()) {
        let mut sum = Estimate::default();
        for it in rest.iter().map(|it| &it.one) {
            sum.samples += it.estimate.samples;
            sum.bytes += it.estimate.bytes;
            sum.variance += it.estimate.variance;
            sum.time_samples += it.estimate.time_samples;
        }
        sheet.push(Kind::Rest, cells(and_more(rest.len()), String::new(), String::new(), &sum));
    }
    sheet.push(Kind::Total, cells("total".to_owned(), String::new(), String::new(), total));
    // What is counted, and not part of the sum of samples.
    let apart = copied_apart(frame)
        .into_iter()
        .map(|(path, bytes)| ("(no stack taken)".to_owned(), path.id().to_owned(), bytes));
    let lost = (stacks.lost_bytes > 0)
        .then(|| ("(lost samples)".to_owned(), String::new(), stacks.lost_bytes));
    for (name, path, bytes) in apart.chain(lost) {
        let rest =
            vec![name, String::new(), path, human::bytes(bytes), String::new(), String::new()];
        sheet.push(Kind::Part, rest);
    }
    sheet.done()
}

fn bytes(estimate: f64) -> String {
    human::bytes(folded_bytes(estimate))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn folded_bytes(estimate: f64) -> u64 {
    estimate.round() as u64
}

fn share(estimate: &Estimate, total: &Estimate) -> String {
    if total.bytes <= 0.0 {
        return String::new();
    }
    let share = estimate.bytes / total.bytes;
    match estimate.margin() {
        Some(margin) => format!("{} ±{}", human::percent(share), human::percent(margin * share)),
        None => human::UNAVAILABLE.to_owned(),
    }
}

/// The share of the samples of CPU time in copy routines.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn cpu(estimate: &Estimate, total: &Estimate) -> String {
    match total.time_samples {
        0 => human::UNAVAILABLE.to_owned(),
        all => human::percent(estimate.time_samples as f64 / all as f64),
    }
}

fn code(it: &Listed<'_>) -> String {
    let named = it.frames.iter().take(NAMED).map(|frame| {
        let guessed = if frame.kind == FrameKind::Recovered { " [recovered]" } else { "" };
        format!("{}{guessed}", shortened(&folded::function(frame), NAME / 2))
    });
    let mut names: Vec<_> = named.collect();
    if it.frames.len() > NAMED {
        names.push(format!("({} more)", it.frames.len() - NAMED));
    }
    match it.end {
        StackEnd::NoFramePointers => names.push("(no frame pointers from here on)".to_owned()),
        StackEnd::Depth => names.push("(and more)".to_owned()),
        StackEnd::NoStack => names.push("(no stack)".to_owned()),
        StackEnd::Whole => {}
    }
    names.join(" < ")
}

fn who(it: &Listed<'_>, processes: u64) -> String {
    match it.process {
        process if process == ProcessId::default() => UNATTRIBUTED.to_owned(),
        process if processes == 1 => format!("{}[{}]", named(it.comm), process.pid),
        _ => format!("{} ({})", named(it.comm), human::count(processes)),
    }
}

fn paths(it: &Listed<'_>) -> String {
    let ids: Vec<_> = it.paths.iter().map(|(path, _)| path.id()).collect();
    ids.join(", ")
}

fn notes(listed: &[Common<'_>]) -> Option<Block> {
    let mut notes = vec![
        "CPU is the share of the samples of CPU time that found the kernel copying.".to_owned(),
        "A stack that only samples of CPU time have met has a dash: it copied, and nothing says how much.".to_owned(),
    ];
    if listed.iter().any(|it| it.one.end == StackEnd::NoFramePointers) {
        notes.push(
            "(no frame pointers from here on): the program, or a library, was compiled without them, so that its \
             callers are not known."
                .to_owned(),
        );
    }
    let has = |kind| listed.iter().any(|it| it.one.frames.iter().any(|frame| frame.kind == kind));
    if has(FrameKind::Recovered) {
        notes.push(
            "[recovered]: the function before it, which made the system call, keeps no frame; this is what its return \
             address on the stack says, which is very likely and not certain."
                .to_owned(),
        );
    }
    Some(Block::List(notes))
}
