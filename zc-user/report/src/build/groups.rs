//! Tables of paths, and of processes that have something in common.

use zc_model::{
    column::{PathRow, Paths, Processes, Unit},
    counter::{CounterId, Counters},
    frame::Frame,
    group::{Group, GroupBy, UNKNOWN},
    ledger, row,
    snapshot::PathSample,
    value::Value,
};
use zc_render::{
    human,
    sanitize::sanitize,
    table::{UNATTRIBUTED, shortened},
};

use super::{
    MOST_ROWS, grouped,
    sheet::{Modelled, Sheet, measured},
};
use crate::content::{Block, EXPLANATION, Kind, Section, Table};

/// Commands that have a curve of their own.
const CURVES: usize = 4;

/// Columns for a name. A recording may have names of any length.
pub(super) const NAME: usize = 120;

/// A name as it is shown.
pub(super) fn named(name: &str) -> String {
    shortened(&sanitize(name), NAME).into_owned()
}

/// The commands that copied most.
pub(super) fn busiest(frame: &Frame) -> Vec<&str> {
    let groups = grouped(frame, GroupBy::Command);
    let copying = groups.iter().filter(|group| group.counters[CounterId::CopiedBytes] > 0);
    let named = copying
        .take(CURVES)
        .filter_map(|group| frame.processes.iter().find(|process| *process.comm == *group.name));
    named.map(|process| &*process.comm).collect()
}

/// On which paths bytes were moved and copied.
pub(super) fn paths(frame: &Frame, modelled: Modelled) -> Section {
    let blocks = match path_table(frame, modelled) {
        Some(table) => vec![Block::Table(table)],
        None => vec![Block::Text("No data was moved.".to_owned())],
    };
    Section { id: "paths", title: "On which paths", blocks }
}

fn path_table(frame: &Frame, modelled: Modelled) -> Option<Table> {
    let mut sums: Vec<_> = ledger::by_path(&frame.totals.paths).collect();
    sums.sort_by_key(|(sum, _)| std::cmp::Reverse((sum.copied_bytes, sum.moved_bytes)));
    let most = sums.first().map_or(0, |(sum, _)| sum.copied_bytes);
    let mut sheet = Sheet::new(
        "Copy paths, the most copied bytes first",
        modelled,
        &[
            ("PATH", false),
            (EXPLANATION, false),
            ("CALLS", true),
            ("FAILED", true),
            ("MOVED", true),
            ("COPIED", true),
            ("COPIED/s", true),
            ("SOURCE", false),
        ],
    )
    .extra(&["FAILED", "COPIED/s", "SOURCE"]);
    let cells = |sheet: &Sheet, name: &str, row: PathRow<'_>| {
        vec![
            name.to_owned(),
            sheet.cell(Paths::MEANING, row, frame),
            sheet.cell(Paths::OPS, row, frame),
            sheet.cell(Paths::ERRORS, row, frame),
            sheet.cell(Paths::MOVED_BYTES, row, frame),
            sheet.cell(Paths::COPIED_BYTES, row, frame),
            sheet.cell(Paths::COPIED_BYTES_PER_SEC, row, frame),
            sheet.cell(Paths::PROVENANCE, row, frame),
        ]
    };
    for (sum, kinds) in sums.iter().take(MOST_ROWS) {
        let row = cells(&sheet, sum.path.id(), PathRow::One(sum));
        sheet.push_with(Kind::Row, row, Some((sum.copied_bytes, most)));
        for sample in kinds.iter().filter(|_| kinds.len() > 1) {
            let Some(kind) = sample.socket else { continue };
            let mut row = cells(&sheet, kind.id(), PathRow::One(sample));
            row[1] = String::new();
            sheet.push(Kind::Part, row);
        }
    }
    let none = Counters::default();
    if let Some(rest) = sums.get(MOST_ROWS..).filter(|rest| !rest.is_empty()) {
        let rest: Vec<PathSample> = rest.iter().map(|(sum, _)| *sum).collect();
        let row = PathRow::All(row::Row::counts(&none, &rest));
        let row = cells(&sheet, &and_more(rest.len()), row);
        sheet.push(Kind::Rest, row);
    }
    if sheet.is_empty() {
        return None;
    }
    let row = cells(&sheet, "total", PathRow::All(row::Row::totals(frame)));
    sheet.push(Kind::Total, row);
    Some(sheet.done())
}

/// `and 7 more`.
pub(super) fn and_more(count: usize) -> String {
    format!("and {} more", human::count(count as u64))
}

/// Who moved and copied bytes.
pub(super) fn section(frame: &Frame, modelled: Modelled) -> Section {
    let mut blocks = Vec::new();
    let commands = grouped(frame, GroupBy::Command);
    if commands.is_empty() && !frame.unattributed.is_active() {
        blocks.push(Block::Text("No process did anything.".to_owned()));
        return Section { id: "groups", title: "Who copies", blocks };
    }
    blocks.push(Block::Table(table("By command", "COMMAND", &commands, frame, modelled)));
    for (by, caption, title) in [
        (GroupBy::Container, "By container, systemd unit or control group", "CONTAINER OR UNIT"),
        (GroupBy::User, "By user", "USER"),
    ] {
        let groups = grouped(frame, by);
        // One line would be that of the totals.
        if groups.iter().filter(|group| group.name != UNKNOWN).count() > 1 {
            blocks.push(Block::Table(table(caption, title, &groups, frame, modelled)));
        }
    }
    Section { id: "groups", title: "Who copies", blocks }
}

fn table(
    caption: &str,
    title: &'static str,
    groups: &[Group],
    frame: &Frame,
    modelled: Modelled,
) -> Table {
    let copied = |row: row::Row<'_>| row.counters[CounterId::CopiedBytes];
    let total = row::Row::totals(frame);
    let mut sheet = Sheet::new(
        format!("{caption}, the most copied bytes first"),
        modelled,
        &[
            (title, false),
            ("PROCESSES", true),
            ("COPIED", true),
            ("SHARE", true),
            ("COPIED/s", true),
            ("BY REF", true),
            ("MOVED", true),
            ("PER BYTE", true),
            ("COPY TAX", true),
            ("MOST ON", false),
        ],
    )
    .extra(&["PROCESSES", "COPIED/s", "MOVED", "PER BYTE", "MOST ON"]);
    let cells = |sheet: &Sheet, name: &str, members: Option<u64>, row: row::Row<'_>| {
        vec![
            name.to_owned(),
            members.map_or_else(String::new, human::count),
            sheet.cell(Processes::COPIED_BYTES, row, frame),
            share(copied(row), copied(total)),
            sheet.cell(Processes::COPIED_BYTES_PER_SEC, row, frame),
            sheet.cell(Processes::ZERO_COPIED_BYTES, row, frame),
            sheet.cell(Processes::MOVED_BYTES, row, frame),
            sheet.cell(Processes::AMPLIFICATION, row, frame),
            tax(row, frame),
            sheet.cell(Processes::DOMINANT_PATH, row, frame),
        ]
    };
    let most = groups.first().map_or(0, |group| copied(row::Row::group(group)));
    // Those that moved nothing have no line of their own.
    let moving =
        |it: &Group| copied(row::Row::group(it)) > 0 || it.counters[CounterId::MovedBytes] > 0;
    let listed = groups.iter().take(MOST_ROWS).take_while(|it| moving(it)).count();
    let (listed, rest) = groups.split_at(listed);
    for group in listed {
        let row = row::Row::group(group);
        let line = cells(&sheet, &named(&group.name), group.members, row);
        sheet.push_with(Kind::Row, line, Some((copied(row), most)));
    }
    if !rest.is_empty() {
        let (counters, paths) = sum(rest);
        let members = rest.iter().map(|it| it.members).sum::<Option<u64>>();
        let row = row::Row::counts(&counters, &paths);
        let line = cells(&sheet, &and_more(rest.len()), members, row);
        sheet.push(Kind::Rest, line);
    }
    if frame.unattributed.is_active() {
        let row = row::Row::unattributed(frame);
        let line = cells(&sheet, UNATTRIBUTED, None, row);
        sheet.push(Kind::Rest, line);
    }
    let members = groups.iter().map(|it| it.members).sum::<Option<u64>>();
    let line = cells(&sheet, "total", members, total);
    sheet.push(Kind::Total, line);
    sheet.done()
}

fn sum(groups: &[Group]) -> (Counters, Vec<PathSample>) {
    let mut sum = (Counters::default(), Vec::new());
    for group in groups {
        sum.0.add(&group.counters);
        ledger::add(&mut sum.1, &group.paths);
    }
    sum
}

/// `98.3%` of a whole.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 { String::new() } else { human::percent(part as f64 / whole as f64) }
}

/// The copy tax with its margin. Of too few samples: nothing.
fn tax(row: row::Row<'_>, frame: &Frame) -> String {
    let of = |column: &zc_model::column::Column| column.of(row, frame);
    let tax = of(Processes::COPY_TAX);
    if matches!(tax, Value::Unavailable(_)) {
        let known = frame.host.limitation(CounterId::CpuSamples).is_none();
        return if known { String::new() } else { human::UNAVAILABLE.to_owned() };
    }
    let margin = human::value(&of(Processes::COPY_TAX_MARGIN), Unit::Fraction).into_owned();
    format!("{} ±{margin}", human::value(&tax, Unit::Fraction))
}

/// Bytes that were counted.
pub(super) fn bytes(sheet: &Sheet, bytes: u64) -> String {
    sheet.value(&measured(bytes), Unit::Bytes)
}
