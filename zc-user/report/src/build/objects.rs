//! Files, sockets and pipes, and what went from one to another.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use zc_model::{
    column::Processes,
    counter::Counters,
    frame::Frame,
    ledger,
    object::{Used, Which, mapped, moved},
    row::Row,
    snapshot::{FlowVia, Objects, Outside, OutsideSample, PathSample, ProcessId},
};
use zc_render::{
    human,
    table::{self, shortened},
};

use super::{
    MOST_ROWS,
    groups::{NAME, and_more, bytes},
    sheet::{Modelled, Sheet},
};
use crate::content::{Block, Kind, Section, Table};

mod names;

use self::names::Names;

/// Everything that is known of them, if anything was recorded.
pub(super) fn sections(frame: &Frame, modelled: Modelled) -> Vec<Section> {
    let Some(objects) = &frame.objects else { return Vec::new() };
    let names = Names::of(objects);
    let mut sections = Vec::new();
    for (id, title, which, headings, none) in [
        (
            "files",
            "Files",
            Which::Files,
            ["READ", "WRITTEN", "FILE"],
            "No file was read or written.",
        ),
        (
            "peers",
            "Sockets and pipes",
            Which::Peers,
            ["RECEIVED", "SENT", "PEER"],
            "No socket and no pipe was used.",
        ),
    ] {
        let (lines, outside) = (lines(objects, which, &names), objects.outside(which));
        let block = match lines.is_empty() && outside.is_empty() {
            true => Block::Text(none.to_owned()),
            false => Block::Table(used(&lines, &outside, headings, frame, modelled)),
        };
        sections.push(Section { id, title, blocks: vec![block] });
    }
    if let Some(table) = flows(objects, &names, frame) {
        let text = "Bytes that a program read and wrote right after that from the same buffer, and bytes that sendfile, \
                    splice, tee and copy_file_range moved.";
        let blocks = vec![Block::Text(text.to_owned()), Block::Table(table)];
        sections.push(Section { id: "flows", title: "From what to what", blocks });
    }
    sections
}

/// The processes that used something.
#[derive(Default)]
struct Users {
    listed: Vec<(ProcessId, Arc<str>)>,
    known: HashSet<ProcessId>,
}

impl Users {
    fn add(&mut self, more: impl IntoIterator<Item = (ProcessId, Arc<str>)>) {
        for (id, comm) in more {
            if self.known.insert(id) {
                self.listed.push((id, comm));
            }
        }
    }

    fn words(&self) -> String {
        table::users(&self.listed)
    }
}

/// A line of a table: files of one name, connections of one kind.
#[derive(Default)]
struct Line {
    name: String,
    users: Users,
    from: Vec<PathSample>,
    to: Vec<PathSample>,
}

impl Line {
    fn bytes(&self) -> u64 {
        moved(&self.from).saturating_add(moved(&self.to))
    }
}

/// The busiest first.
fn lines(objects: &Objects, which: Which, names: &Names<'_>) -> Vec<Line> {
    let mut places: HashMap<(String, Arc<str>), usize> = HashMap::new();
    let mut lines: Vec<Line> = Vec::new();
    for one in objects.used(which) {
        let Used { object, processes, from, to } = one;
        let name = names.name(&object, &processes);
        // Connections of one process and another one of its name are alike; a file is known by its name alone.
        let comm = match (which, processes.first()) {
            (Which::Peers, Some((_, comm))) => Arc::clone(comm),
            _ => "".into(),
        };
        let place = *places.entry((name.clone(), comm)).or_insert(lines.len());
        if place == lines.len() {
            lines.push(Line { name, ..Line::default() });
        }
        let line = &mut lines[place];
        line.users.add(processes);
        ledger::add(&mut line.from, &from);
        ledger::add(&mut line.to, &to);
    }
    lines.sort_by_key(|line| std::cmp::Reverse((line.bytes(), mapped(&line.from))));
    lines
}

fn used(
    lines: &[Line],
    outside: &[OutsideSample],
    [read, written, object]: [&'static str; 3],
    frame: &Frame,
    modelled: Modelled,
) -> Table {
    let all = lines.iter().map(|it| (&it.from[..], &it.to[..]));
    let all = all.chain(outside.iter().map(|it| (&it.from[..], &it.to[..])));
    let has_mapped = all.clone().any(|(from, to)| mapped(from) > 0 || mapped(to) > 0);
    let mut columns =
        vec![(object, false), ("PROCESS", false), (read, true), (written, true), ("COPIED", true)];
    if has_mapped {
        columns.push(("MAPPED", true));
    }
    let mut sheet = Sheet::new("The busiest first", modelled, &columns).extra(&["MAPPED"]);
    let cells = |sheet: &Sheet, name: &str, who: &str, from: &[PathSample], to: &[PathSample]| {
        let mut cells = vec![
            shortened(name, NAME).into_owned(),
            shortened(who, NAME).into_owned(),
            bytes(sheet, moved(from)),
            bytes(sheet, moved(to)),
            copied(sheet, from, to, frame),
        ];
        if has_mapped {
            cells.push(bytes(sheet, mapped(from).saturating_add(mapped(to))));
        }
        cells
    };
    let most = lines.first().map_or(0, Line::bytes);
    for line in lines.iter().take(MOST_ROWS) {
        let who = line.users.words();
        let row = cells(&sheet, &line.name, &who, &line.from, &line.to);
        sheet.push_with(Kind::Row, row, Some((line.bytes(), most)));
    }
    if let Some(rest) = lines.get(MOST_ROWS..).filter(|rest| !rest.is_empty()) {
        let (from, to) = sum(rest.iter().map(|it| (&it.from[..], &it.to[..])));
        let row = cells(&sheet, &and_more(rest.len()), "", &from, &to);
        sheet.push(Kind::Rest, row);
    }
    for sample in outside {
        let name = match sample.reason {
            Outside::NoRoom => "(others: there was no room for them)",
            Outside::UnknownObject => "(unknown: the descriptor was closed or replaced)",
            Outside::NotAttributed => "(not attributed)",
        };
        let row = cells(&sheet, name, "", &sample.from, &sample.to);
        sheet.push(Kind::Rest, row);
    }
    let (from, to) = sum(all);
    let row = cells(&sheet, "total", "", &from, &to);
    sheet.push(Kind::Total, row);
    sheet.done()
}

fn sum<'a>(
    parts: impl Iterator<Item = (&'a [PathSample], &'a [PathSample])>,
) -> (Vec<PathSample>, Vec<PathSample>) {
    let mut sum = (Vec::new(), Vec::new());
    for (from, to) in parts {
        ledger::add(&mut sum.0, from);
        ledger::add(&mut sum.1, to);
    }
    sum
}

fn copied(sheet: &Sheet, from: &[PathSample], to: &[PathSample], frame: &Frame) -> String {
    let mut paths = from.to_vec();
    ledger::add(&mut paths, to);
    let counters = Counters::default();
    sheet.cell(Processes::COPIED_BYTES, Row::counts(&counters, &paths), frame)
}

/// What went from one thing to another, in all processes together.
#[derive(Default)]
struct Way {
    users: Users,
    bytes: u64,
}

fn flows(objects: &Objects, names: &Names<'_>, frame: &Frame) -> Option<Table> {
    let mut ways: BTreeMap<[String; 3], Way> = BTreeMap::new();
    for flow in &objects.flows {
        let user = [(flow.process, Arc::clone(&flow.comm))];
        let named = |object| names.name(object, &user);
        let key = [named(&flow.from), named(&flow.to), table::how(flow.via)];
        let way = ways.entry(key).or_default();
        way.bytes = way.bytes.saturating_add(flow.bytes);
        way.users.add(user);
    }
    let unknown = table::unknown_flows(frame);
    if ways.is_empty() && unknown == 0 {
        return None;
    }
    let mut ways: Vec<_> = ways.into_iter().collect();
    ways.sort_by_key(|(_, way)| std::cmp::Reverse(way.bytes));
    let columns =
        [("FROM", false), ("TO", false), ("HOW", false), ("PROCESS", false), ("BYTES", true)];
    let mut sheet = Sheet::new("The most bytes first", Modelled(false), &columns);
    let most = ways.first().map_or(0, |(_, way)| way.bytes);
    for ([from, to, how], way) in ways.iter().take(MOST_ROWS) {
        let name = |name: &str| shortened(name, NAME).into_owned();
        let who = way.users.words();
        let cells = vec![name(from), name(to), how.clone(), who, human::bytes(way.bytes)];
        sheet.push_with(Kind::Row, cells, Some((way.bytes, most)));
    }
    let rest = |title: String, how: String, bytes: u64| {
        vec![title, String::new(), how, String::new(), human::bytes(bytes)]
    };
    let sum = |ways: &[([String; 3], Way)]| {
        ways.iter().map(|(_, way)| way.bytes).fold(0, u64::saturating_add)
    };
    if let Some(more) = ways.get(MOST_ROWS..).filter(|more| !more.is_empty()) {
        sheet.push(Kind::Rest, rest(and_more(more.len()), String::new(), sum(more)));
    }
    if unknown > 0 {
        let how = table::how(FlowVia::Relayed);
        sheet.push(Kind::Rest, rest("(not attributed)".to_owned(), how, unknown));
    }
    let total = sum(&ways).saturating_add(unknown);
    sheet.push(Kind::Total, rest("total".to_owned(), String::new(), total));
    Some(sheet.done())
}
