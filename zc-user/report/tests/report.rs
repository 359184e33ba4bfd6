//! What a report says, in each form, and that its sums are those of the recording.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::sync::Arc;

use zc_common::path::CopyPath;
use zc_model::{
    counter::CounterId,
    fixture::sketch::{path, process, snapshot},
    frame::Frame,
    snapshot::{Provenance, Snapshot},
};
use zc_recording::Recording;
use zc_render::{human, sanitize::is_hostile, theme::Theme};
use zc_report::{
    Report,
    content::{Block, Kind, Table},
    html, markdown, series,
    text::{self, Style},
};
use zc_test_support::machine::Machine;

#[path = "support/recorded.rs"]
mod recorded;

use recorded::{HOSTILE, busy, hostile, recording, report};

fn text_of(report: &Report, columns: u16, unicode: bool) -> String {
    let mut out = Vec::new();
    text::write(report, Style { theme: Theme::new(false, unicode), columns }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn markdown_of(report: &Report) -> String {
    let mut out = Vec::new();
    markdown::write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn html_of(report: &Report) -> String {
    let mut out = Vec::new();
    html::write(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn machine(seconds: u64, copies: Provenance) -> Recording {
    let machine = Machine { copies, lost: 3, ..Machine::default() };
    recording((1..=seconds).map(|second| machine.after(second)), &[])
}

#[test]
fn what_a_report_says() {
    let report = report(&busy(9));
    insta::assert_snapshot!("text_100", text_of(&report, 100, true));
    insta::assert_snapshot!("markdown", markdown_of(&report));
}

#[test]
fn what_a_report_of_a_kernel_without_copy_sites_says() {
    let report = report(&machine(4, Provenance::Modelled));
    insta::assert_snapshot!("text_modelled_80", text_of(&report, 80, false));
}

#[test]
fn no_line_of_text_is_wider_than_the_terminal() {
    for columns in [80, 100, 120] {
        for recording in [busy(9), hostile(5)] {
            let text = text_of(&report(&recording), columns, true);
            for line in text.lines() {
                let width = zc_render::sanitize::width(line);
                // Names without a space, and the command, are not broken.
                let is_whole =
                    line.split_whitespace().count() < 3 || line.starts_with("  zc report");
                assert!(width <= columns.into() || is_whole, "{columns}: {width}: {line}");
            }
        }
    }
}

/// All tables of a report.
fn tables(report: &Report) -> Vec<&Table> {
    let blocks = report.sections.iter().flat_map(|section| &section.blocks);
    let tables = blocks.filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables.collect()
}

/// The cell of a column in the row of the total.
fn total<'a>(table: &'a Table, title: &str) -> Option<&'a str> {
    let column = table.columns.iter().position(|column| column.title == title)?;
    let row = table.rows.iter().find(|row| row.kind == Kind::Total)?;
    Some(&row.cells[column])
}

#[test]
fn sums_are_those_of_a_replay() {
    let recording = busy(9);
    let frames = (1..recording.len()).map(|at| recording.between(at - 1, at).unwrap().unwrap());
    let sum = |of: &dyn Fn(&Frame) -> u64| frames.clone().map(|frame| of(&frame)).sum::<u64>();
    let copied = human::bytes(sum(&|it| it.totals.counters[CounterId::CopiedBytes]));
    let moved = human::bytes(sum(&|it| it.totals.paths.iter().map(|path| path.moved_bytes).sum()));
    let calls = human::count(sum(&|it| it.totals.paths.iter().map(|path| path.ops).sum()));
    let report = report(&recording);
    let of = |caption: &str| {
        let mut tables = tables(&report).into_iter();
        tables.find(|table| table.caption.starts_with(caption)).unwrap()
    };
    let paths = of("Copy paths");
    assert_eq!(total(paths, "COPIED"), Some(&*copied));
    assert_eq!(total(paths, "MOVED"), Some(&*moved));
    assert_eq!(total(paths, "CALLS"), Some(&*calls));
    assert_eq!(total(of("By command"), "COPIED"), Some(&*copied));
    assert_eq!(total(of("By container"), "COPIED"), Some(&*copied));
    assert_eq!(total(of("The same in figures"), "COPIED"), Some(&*copied));
    assert_eq!(report.figures[0].value, copied);
    for written in [text_of(&report, 120, true), markdown_of(&report), html_of(&report)] {
        for figure in [&copied, &moved, &calls] {
            assert!(written.contains(figure), "{figure}: {written}");
        }
    }
}

/// So few bytes that every digit is shown.
fn crowd(count: u32) -> Recording {
    let processes = |bytes: u64| -> Vec<_> {
        let one = |pid: u32| {
            let read = path(CopyPath::FileRead, u64::from(pid), bytes * u64::from(pid % 7));
            process(pid, &format!("p{pid}"), &[read])
        };
        (1..=count).map(one).collect()
    };
    recording([snapshot(1, &processes(1)), snapshot(2, &processes(4))], &[])
}

#[test]
fn rows_add_up_to_their_total() {
    for count in [1, 19, 20, 21, 45] {
        let report = report(&crowd(count));
        let mut looked = 0;
        for table in tables(&report) {
            let Some(last) = table.rows.iter().find(|row| row.kind == Kind::Total) else {
                continue;
            };
            assert!(table.rows.len() <= 24, "{count}: {table:?}");
            for (at, column) in table.columns.iter().enumerate() {
                if !["COPIED", "MOVED", "CALLS", "PROCESSES"].contains(&column.title) {
                    continue;
                }
                let number = |cell: &str| -> u64 {
                    let digits = cell.trim_end_matches(" B").replace(',', "");
                    if digits.is_empty() { 0 } else { digits.parse().unwrap() }
                };
                let parts =
                    table.rows.iter().filter(|row| matches!(row.kind, Kind::Row | Kind::Rest));
                let sum: u64 = parts.map(|row| number(&row.cells[at])).sum();
                assert_eq!(sum, number(&last.cells[at]), "{count}: {} of {table:#?}", column.title);
                looked += 1;
            }
        }
        assert!(looked >= 6, "{count}: {looked}");
    }
    let report = report(&crowd(45));
    let rest = tables(&report).into_iter().flat_map(|table| &table.rows);
    assert!(rest.clone().any(|row| row.cells[0].starts_with("and ")));
}

#[test]
fn a_long_recording_has_a_bounded_number_of_points_and_loses_none_of_its_bytes() {
    let seconds = 2_000_u64;
    let of = |second: u64| {
        let copied = path(CopyPath::FileRead, second, 1_009 * second);
        snapshot(second, &[process(7, "x", &[copied])])
    };
    let report = report(&recording((1..=seconds).map(of), &[]));
    let mut blocks = report.sections.iter().flat_map(|section| &section.blocks);
    let series = blocks.find_map(|block| match block {
        Block::Series(series) => Some(series),
        _ => None,
    });
    let series = series.unwrap();
    assert!((300..=series::MOST).contains(&series.stretches.len()), "{}", series.stretches.len());
    assert_eq!(series.merged, 4);
    let copied: u64 = series.stretches.iter().map(|it| it.copied).sum();
    assert_eq!(copied, 1_009 * (seconds - 1));
    assert_eq!(series.span_ns(), (seconds - 1) * 1_000_000_000);
    assert!(html_of(&report).len() < 300_000, "{}", html_of(&report).len());
}

#[test]
fn of_thousands_of_processes_fewer_points_are_read() {
    assert_eq!([0, 1_000, 5_000, 100_000].map(series::most), [600, 600, 120, 60]);
}

#[test]
fn an_early_snapshot_does_not_make_a_peak() {
    let at = |ms: u64, copied: u64| {
        let read = path(CopyPath::FileRead, 1, copied);
        let taken_at_ns = ms * 1_000_000;
        let snapshot = snapshot(1, &[process(7, "x", &[read])]);
        Snapshot { taken_at_ns, elapsed_ns: taken_at_ns, ..snapshot }
    };
    // The third one is late, and the fourth has much for its time.
    let recording = recording([at(1_000, 0), at(2_000, 100), at(3_900, 300), at(4_000, 500)], &[]);
    let filter = zc_model::filter::Filter::default();
    let series = series::Series::of(&recording, (0, 3), series::MOST, &[], &filter).unwrap();
    let rates: Vec<_> =
        series.stretches.iter().map(|it| (it.copied, it.end_ns / 1_000_000)).collect();
    assert_eq!(rates, [(100, 1_000), (400, 3_000)]);
}

#[test]
fn a_machine_that_does_nothing_has_a_report() {
    let empty = Machine { empty: true, ..Machine::default() };
    for recording in [
        recording([empty.after(1)], &[]),
        recording([empty.after(1), empty.after(2)], &[]),
        recording([snapshot(1, &[])], &[]),
    ] {
        let report = report(&recording);
        assert_eq!(report.answer, ["The CPU copied nothing on the paths that zc watches."]);
        for written in [text_of(&report, 80, true), markdown_of(&report), html_of(&report)] {
            assert!(written.contains("copied nothing"), "{written}");
        }
    }
}

#[test]
fn what_is_not_known_is_never_0() {
    let mut sent = path(CopyPath::SocketSendZerocopy, 1, 7_001);
    sent.provenance = Provenance::Unavailable;
    let report = report(&recording([snapshot(1, &[process(7, "x", &[sent])])], &[]));
    assert_eq!(report.answer, ["What the CPU copied is not known on this kernel."]);
    let copied = &report.figures[0];
    assert_eq!((copied.label, &*copied.value), ("Copied by the CPU", "-"));
    let marks = tables(&report).into_iter().flat_map(|table| &table.marks);
    assert!(marks.clone().any(|mark| mark.starts_with("- not known")), "{report:#?}");
}

#[test]
fn the_answer_names_who_what_where_and_how_sure() {
    let report = report(&busy(9));
    let answer = report.answer.join(" ");
    for part in [
        "burst",
        "pipe_write",
        "1.56 GiB of that",
        "What to change in nginx: send the file with sendfile.",
        "if the program neither looks at the data nor changes it; this is likely",
        "It saves: 1.56 GiB less copied",
        "these copies took about 0.41 of a CPU (±0.04)",
    ] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
}

#[test]
fn hostile_names_reach_no_terminal_and_no_table() {
    let report = report(&hostile(5));
    let (text, markdown) = (text_of(&report, 120, true), markdown_of(&report));
    for written in [&text, &markdown] {
        let found = written.chars().find(|c| *c != '\n' && is_hostile(*c));
        assert_eq!(found, None, "{written}");
    }
    // A table has as many cells in each row as in its head, whatever the names are.
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut lines = markdown.lines().peekable();
    let mut tables = 0;
    while let Some(line) = lines.next() {
        if !line.starts_with('|') {
            continue;
        }
        tables += 1;
        while let Some(row) = lines.next_if(|row| row.starts_with('|')) {
            assert_eq!(bars(row), bars(line), "{line}\n{row}");
        }
    }
    assert!(tables >= 8, "{tables}");
    let raw = markdown.replace("\\<", "").replace("\\!", "").replace("\\[", "");
    let outside: Vec<_> = raw
        .split("```")
        .step_by(2)
        .filter(|part| part.contains("<script") || part.contains("!["))
        .collect();
    assert!(outside.is_empty(), "{outside:?}");
    assert!(HOSTILE.iter().all(|name| !markdown.contains(name)));
}

#[test]
fn hostile_figures_do_no_harm() {
    let mut snapshots = [Machine::default().after(1), Machine::default().after(2)];
    for snapshot in &mut snapshots {
        let stacks = busy(1).snapshot(0).unwrap().unwrap().stacks.unwrap();
        let mut stacks = (*stacks).clone();
        for (row, bytes) in stacks.rows.iter_mut().zip([0.0, 1e15]) {
            row.bytes = bytes;
            row.variance = 0.0;
            let frames = row.frames.iter().cycle().take(5_000).cloned();
            row.frames = frames.collect();
        }
        snapshot.stacks = Some(Arc::new(stacks));
        snapshot.elapsed_ns = 1 << 50;
    }
    let report = report(&recording(snapshots, &[]));
    for written in [text_of(&report, 80, true), markdown_of(&report), html_of(&report)] {
        assert!(!written.contains("NaN"), "{written}");
    }
}
