//! Where the figures come from: the machine, the recording, devices, counters, what was lost and what is not known.

use zc_model::{
    advice,
    column::{Column as ModelColumn, Devices, Processes, Unit, per_second},
    counter::CounterId,
    frame::Frame,
    row::Row,
    value::{Quality, Value},
    zerocopy::{self, Achieved},
};
use zc_recording::Meta;
use zc_render::{
    human,
    sanitize::{sanitize, truncate},
    table::losses,
};

use super::{
    MOST_ROWS, Source, grouped,
    groups::{NAME, and_more, named},
    sheet::{Modelled, Sheet},
};
use crate::content::{Block, Column, EXPLANATION, Kind, Row as Line, Section, Table};

/// The heading of a report without a title of its own.
pub(super) fn title(source: &Source<'_>) -> String {
    format!("Copies in {}", named(source.name))
}

/// What was watched, where and when.
pub(super) fn subject(source: &Source<'_>, frame: &Frame) -> String {
    let begin = frame.taken_at_ns.saturating_sub(frame.elapsed_ns);
    let selected =
        source.selected.map_or_else(String::new, |which| format!(", {} only,", named(which)));
    format!(
        "{}{selected} on {}, Linux {}, {}; {} from {} on",
        // As it was given: with a capital it would be another command.
        format_args!("Watched: {}", named(&source.recording.meta().subject)),
        named(&frame.host.name),
        named(&frame.host.kernel),
        named(&frame.host.arch),
        human::duration(frame.elapsed_ns),
        human::date_time(begin),
    )
}

/// Zero-copy that programs requested.
pub(super) fn zerocopy(frame: &Frame, modelled: Modelled) -> Option<Section> {
    let totals = zerocopy::requests(Row::totals(frame), frame);
    if totals.is_empty() {
        return None;
    }
    let columns =
        [("MECHANISM", false), (EXPLANATION, false), ("REQUESTED", true), ("ACHIEVED", true)];
    let mut sheet =
        Sheet::new("Zero-copy that programs requested, and what they got", modelled, &columns);
    let mut reasons = Vec::new();
    for request in &totals {
        let achieved = match request.achieved {
            Achieved::Bytes(bytes, provenance) => Value::Integer(bytes, Quality::of(provenance)),
            Achieved::Unknown(why) => Value::Unavailable(why),
        };
        let cells = vec![
            request.mechanism.id().to_owned(),
            request.mechanism.help().to_owned(),
            human::bytes(request.requested_bytes),
            sheet.value(&achieved, Unit::Bytes),
        ];
        sheet.push(Kind::Row, cells);
        for reason in &request.reasons {
            let calls = reason.calls.map_or_else(String::new, |calls| {
                format!(" in {} {}", human::count(calls), if calls == 1 { "call" } else { "calls" })
            });
            reasons.push(format!(
                "{}: {}{calls}, {}: {}.",
                request.mechanism.id(),
                human::bytes(reason.bytes),
                reason.reason.id(),
                reason.sentence
            ));
        }
        if let Achieved::Unknown(why) = request.achieved {
            let why = why.trim_end_matches('.');
            reasons.push(format!(
                "{}: what was achieved is not known: {why}.",
                request.mechanism.id()
            ));
        }
    }
    let mut blocks = vec![Block::Table(sheet.done())];
    if !reasons.is_empty() {
        blocks.push(Block::List(reasons));
    }
    Some(Section { id: "zerocopy", title: "Zero-copy, requested and achieved", blocks })
}

/// What devices moved.
pub(super) fn devices(frame: &Frame) -> Option<Section> {
    let mut busy: Vec<_> = frame
        .devices
        .iter()
        .filter(|it| {
            it.kind.moves_bytes() && (it.read_bytes > 0 || it.write_bytes > 0 || it.errors > 0)
        })
        .collect();
    if busy.is_empty() {
        return None;
    }
    busy.sort_by_key(|it| std::cmp::Reverse(it.read_bytes.saturating_add(it.write_bytes)));
    let shown: [&'static ModelColumn<Devices>; 8] = [
        Devices::DEVICE,
        Devices::KIND,
        Devices::MOVED_BY,
        Devices::READ_BYTES,
        Devices::WRITE_BYTES,
        Devices::READ_REQUESTS,
        Devices::WRITE_REQUESTS,
        Devices::GATHERED_SHARE,
    ];
    let columns: Vec<_> = shown.iter().map(|it| (it.title, it.unit.is_numeric())).collect();
    let mut sheet = Sheet::new(
        "Devices of the machine, whatever processes the recording is about; of network devices, what was received and \
         sent",
        Modelled(false),
        &columns,
    );
    for device in busy.iter().take(MOST_ROWS) {
        let cells = shown.iter().map(|column| named(&sheet.cell(column, *device, frame))).collect();
        sheet.push(Kind::Row, cells);
    }
    if let Some(rest) = busy.get(MOST_ROWS..).filter(|rest| !rest.is_empty()) {
        let sum = |of: fn(&zc_model::snapshot::DeviceSample) -> u64| {
            rest.iter().map(|it| of(it)).fold(0, u64::saturating_add)
        };
        sheet.push(
            Kind::Rest,
            vec![
                and_more(rest.len()),
                String::new(),
                String::new(),
                human::bytes(sum(|it| it.read_bytes)),
                human::bytes(sum(|it| it.write_bytes)),
                human::count(sum(|it| it.read_requests)),
                human::count(sum(|it| it.write_requests)),
                String::new(),
            ],
        );
    }
    Some(Section { id: "devices", title: "Devices", blocks: vec![Block::Table(sheet.done())] })
}

/// Counters of copies that programs make themselves, which are looked for only on request.
const OF_USER_COPIES: [CounterId; 5] = [
    CounterId::LibraryCopySamples,
    CounterId::InlinedCopySamples,
    CounterId::CopyFaultSamples,
    CounterId::NoFileSamples,
    CounterId::UnknownCodeSamples,
];

/// What else was counted, where it was.
pub(super) fn counters(frame: &Frame, modelled: Modelled) -> Section {
    let row = Row::totals(frame);
    let columns = [("COUNTER", false), (EXPLANATION, false), ("TOTAL", true), ("PER SECOND", true)];
    let mut sheet =
        Sheet::new("Sums over all processes; those that are 0 are left out", modelled, &columns);
    for counter in CounterId::ALL {
        let column = Processes::counter(*counter);
        let value = column.of(row, frame);
        let is_of_user_copies = !frame.host.user_copies && OF_USER_COPIES.contains(counter);
        let is_aside = advice::COUNTERS.contains(counter) || is_of_user_copies;
        if is_aside || !matches!(value, Value::Unavailable(_)) && value.number() == Some(0.0) {
            continue;
        }
        let rate = match per_second(value.clone(), frame) {
            Value::Unavailable(_) => String::new(),
            rate if column.unit == Unit::Bytes => sheet.value(&rate, Unit::BytesPerSec),
            rate => sheet.value(&rate, Unit::PerSec),
        };
        let total = sheet.value(&value, column.unit);
        sheet.push(Kind::Row, vec![column.id.to_owned(), column.help.to_owned(), total, rate]);
    }
    let blocks = match sheet.is_empty() {
        true => vec![Block::Text("Nothing was counted.".to_owned())],
        false => vec![Block::Table(sheet.done())],
    };
    Section { id: "counters", title: "Counters", blocks }
}

/// What was lost while counting, and what could not be read.
pub(super) fn lost(frame: &Frame, unreadable: &[String]) -> Section {
    let mut blocks = Vec::new();
    let [own, others] = losses(frame);
    if own.is_empty() && others.is_empty() {
        blocks.push(Block::Text("No event was lost while this was counted.".to_owned()));
    }
    for (caption, lost) in [
        ("Events that were not counted where they belong", own),
        ("The same on this machine, of any process", others),
    ] {
        if lost.is_empty() {
            continue;
        }
        let columns = [("LOSS", false), (EXPLANATION, false), ("EVENTS", true)];
        let mut sheet = Sheet::new(caption, Modelled(false), &columns);
        let mut sum = 0_u64;
        for (loss, count) in &lost {
            sum = sum.saturating_add(*count);
            let cells = vec![loss.id().to_owned(), loss.help().to_owned(), human::count(*count)];
            sheet.push(Kind::Row, cells);
        }
        sheet.push(Kind::Total, vec!["total".to_owned(), String::new(), human::count(sum)]);
        blocks.push(Block::Table(sheet.done()));
    }
    blocks.push(match unreadable {
        [] => Block::Text("All of the recording could be read.".to_owned()),
        _ => Block::List(
            unreadable
                .iter()
                .map(|it| format!("{it}."))
                .map(|it| super::advice::capitalised(&it))
                .collect(),
        ),
    });
    Section { id: "lost", title: "What was lost", blocks }
}

/// Sentences on how the figures are known, and columns of each: a machine has about ten of a few lines.
const MOST_NOTES: usize = 60;
const NOTE: usize = 2_000;

/// How the figures are known.
pub(super) fn known(frame: &Frame) -> Section {
    let copies = frame.host.copies.id();
    let mut blocks = vec![Block::Text(format!(
        "On this machine an ordinary copy is {copies}. Measured: counted in the kernel function that copies. Modelled: \
         the bytes that a call moved, times the copies that its path is known to make. Assumed: no such function was \
         seen, and nothing shows that the bytes were not copied."
    ))];
    let groups = grouped(frame, zc_model::group::GroupBy::Container);
    let notes = zc_render::table::notes(frame, Some(&groups));
    let more = notes.len().saturating_sub(MOST_NOTES);
    let mut notes: Vec<_> = notes.into_iter().take(MOST_NOTES).collect();
    for note in &mut notes {
        let short = truncate(&sanitize(note), NOTE, "...").into_owned();
        *note = short;
    }
    if more > 0 {
        notes.push(format!("And {} more.", human::count(more as u64)));
    }
    if !notes.is_empty() {
        blocks.push(Block::List(notes));
    }
    Section { id: "known", title: "How this is known", blocks }
}

/// The recording, and how to make this report again.
pub(super) fn recording(source: &Source<'_>, frame: &Frame) -> Section {
    let Meta { version, subject, interval_ns: _, labels, threads: _, run: _ } =
        source.recording.meta();
    let (from, to) = source.stretch;
    let mut facts = vec![
        ("recording", source.name.to_owned()),
        ("watched", subject.clone()),
        ("selected", source.selected.unwrap_or("all processes that were recorded").to_owned()),
        ("host", frame.host.name.clone()),
        ("kernel", format!("Linux {}, {}", frame.host.kernel, frame.host.arch)),
        ("CPUs", human::count(frame.host.cpus.into())),
        ("begin", human::date_time(frame.taken_at_ns.saturating_sub(frame.elapsed_ns))),
        ("end", human::date_time(frame.taken_at_ns)),
        ("length", human::duration(frame.elapsed_ns)),
        ("interval", human::duration(source.recording.interval_ns())),
        (
            "snapshots",
            format!(
                "{} to {} of {}",
                human::count(from as u64 + 1),
                human::count(to as u64 + 1),
                human::count(source.recording.len() as u64)
            ),
        ),
        ("recorded by", format!("zc {version}")),
        ("reported by", format!("zc {}", env!("CARGO_PKG_VERSION"))),
    ];
    if !labels.is_empty() {
        let labels = labels.iter().take(MOST_ROWS).map(|(key, value)| format!("{key}={value}"));
        let labels: Vec<_> = labels.collect();
        facts.push(("labels", labels.join(", ")));
    }
    if !source.recording.has_ended() {
        facts.push(("state", "it has no end: the recorder still writes, or was killed".to_owned()));
    }
    let own = &frame.self_cost;
    facts.push((
        "cost of zc",
        format!(
            "{} of CPU time in user space, {} of memory, {} of kernel memory",
            human::duration(own.cpu_ns),
            human::bytes(own.rss_bytes),
            human::bytes(own.map_bytes),
        ),
    ));
    let rows = facts.into_iter().map(|(name, value)| {
        let value = truncate(&sanitize(&value), 4 * NAME, "...").into_owned();
        Line { kind: Kind::Row, cells: vec![name.to_owned(), value], share: None }
    });
    let column = |title| Column::new(title, false);
    let table = Table {
        caption: "What this report is made of".to_owned(),
        columns: vec![column("FACT"), column("VALUE")],
        rows: rows.collect(),
        marks: Vec::new(),
    };
    let blocks = vec![
        Block::Table(table),
        Block::Text("This makes the report again:".to_owned()),
        Block::Command(source.command.to_owned()),
    ];
    Section { id: "recording", title: "The recording", blocks }
}
