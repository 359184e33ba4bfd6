//! The page of one process, and of a group of them.

use std::sync::Arc;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ratatui::style::Modifier;
use zc_common::path::CopyPath;
use zc_model::{
    counter::CounterId,
    snapshot::{PathSample, ProcessId, Snapshot, ThreadSample},
};
use zc_render::theme::Theme;
use zc_test_support::{
    listed::with_many,
    machine::{Machine, counters, process},
    session::Session,
};

use crate::world::copied;

/// The sizes that screens are looked at in.
const SIZES: [(u16, u16); 5] = [(80, 24), (120, 40), (160, 50), (40, 12), (20, 5)];

fn machine() -> Session {
    Session::of(Machine::default())
}

/// The page of the only process of this name.
fn open(session: Session, ticks: usize, name: &str) -> Session {
    let typed = session.ticks(ticks).keys(&format!("/{name}"));
    typed.key(KeyCode::Enter).key(KeyCode::Enter)
}

fn read(bytes: u64) -> PathSample {
    copied(CopyPath::FileRead, bytes)
}

/// The machine with files, peers and stacks of nginx.
fn busy_alone(seconds: u64) -> Snapshot {
    with_many(Machine::default().after(seconds), 5)
}

/// The same with two more workers of it.
fn busy(seconds: u64) -> Snapshot {
    let mut snapshot = busy_alone(seconds);
    for (pid, part) in [(812, 3), (813, 7)] {
        let path = read(seconds * 10_007_993 / part);
        let worker = process(pid, "nginx", counters(seconds, &[]), &[path]);
        snapshot.processes.insert(1, Arc::new(worker));
    }
    snapshot.processes.sort_by_key(|process| (process.is_merged(), process.id));
    snapshot
}

fn crew() -> Session {
    Session::playing((0..90).map(busy).collect())
}

/// The selected section of a page.
fn section(text: &str) -> String {
    let found = text.lines().skip(4).find_map(|line| line.split_once('«')?.1.split_once('»'));
    found.map(|(name, _)| name.trim().to_owned()).unwrap()
}

#[test]
fn a_server_that_copies() {
    for (width, height) in SIZES {
        let text = open(machine().size(width, height), 5, "nginx").play().text();
        assert_snapshot!(format!("detail_{width}x{height}"), text);
    }
}

#[test]
fn each_section_of_a_server_with_files_and_stacks() {
    let names = ["flow", "files", "threads", "code", "history", "counters"];
    for (presses, name) in names.iter().enumerate() {
        let session = open(Session::playing((0..90).map(busy_alone).collect()), 70, "nginx");
        let text = session.ticks(9).keys(&"n".repeat(presses)).play().text();
        assert_snapshot!(format!("section_{name}"), text);
    }
}

#[test]
fn all_sections_160x50() {
    let session = Session::playing((0..90).map(busy_alone).collect()).size(160, 50);
    assert_snapshot!(open(session, 70, "nginx").ticks(9).play().text());
}

#[test]
fn a_group_80x24_and_160x50() {
    for (width, height) in [(80, 24), (160, 50)] {
        let session = crew().size(width, height).ticks(70).keys("/nginx").key(KeyCode::Enter);
        let text = session.keys("i").ticks(9).play().text();
        assert_snapshot!(format!("group_{width}x{height}"), text);
    }
}

#[test]
fn without_unicode_each_section_is_ascii() {
    for presses in 0..6 {
        let session = Session::playing((0..30).map(busy_alone).collect());
        let session = open(session.theme(Theme::new(false, false)), 8, "nginx");
        let played = session.keys(&"n".repeat(presses)).play();
        assert!(played.screen.content.iter().all(|cell| cell.symbol().is_ascii()), "{presses}");
        if presses == 4 {
            assert_snapshot!("history_without_unicode", played.text());
        }
    }
}

#[test]
fn a_process_that_has_ended_keeps_its_last_figures() {
    let snapshots = (0..9).map(|seconds| {
        let mut snapshot = Machine::default().after(seconds);
        if seconds <= 3 {
            let dd = process(40_000, "dd", counters(seconds, &[]), &[read(seconds * 10_007_993)]);
            snapshot.processes.push(Arc::new(dd));
        }
        snapshot
    });
    let session = Session::playing(snapshots.collect()).ticks(4).keys("g/dd");
    let session = session.key(KeyCode::Enter).key(KeyCode::Enter).ticks(3);
    let text = session.play().text();
    assert!(text.contains("dd (40000) has ended. These are its last figures."), "{text}");
    assert!(text.contains("9.54 MiB") && !text.contains("alive"), "{text}");
    assert_snapshot!(text);
}

#[test]
fn a_process_in_the_past() {
    let session = open(machine().with_past(), 6, "nginx").keys(",,,").ticks(3).keys("nnnn");
    assert_snapshot!(session.play().text());
}

#[test]
fn keys_and_clicks_go_through_the_sections_and_tab_leaves_the_page() {
    let names = ["Flow", "Files and peers", "Threads", "Code", "History", "Counters", "Flow"];
    for (presses, name) in names.iter().enumerate() {
        let forth = open(machine(), 3, "nginx").keys(&"n".repeat(presses)).play().text();
        assert_eq!(section(&forth), *name, "{forth}");
        let back = open(machine(), 3, "nginx").keys(&"p".repeat(6 - presses)).play().text();
        assert_eq!(section(&back), *name, "{back}");
    }
    let clicked = open(machine(), 3, "nginx").click(28, 5).play().text();
    assert_eq!(section(&clicked), "Threads");
    let left = open(machine(), 3, "nginx").key(KeyCode::Tab).play().text();
    assert!(left.contains("« 2 Paths »") || left.contains("« 2 »"), "{left}");
    let back = open(machine(), 3, "nginx").key(KeyCode::Esc).play().text();
    assert!(!back.contains("Counters"), "{back}");
}

#[test]
fn counters_are_words_until_their_ids_are_asked_for() {
    let words = open(machine(), 3, "nginx").keys("p").play().text();
    assert!(words.contains("system calls") && !words.contains("page_faults_minor"), "{words}");
    assert!(!words.contains("  0/s") && words.contains("more are 0 or not known"), "{words}");
    let ids = open(machine(), 3, "nginx").keys("x").key(KeyCode::End).play().text();
    assert_eq!(section(&ids), "Counters");
    let first = open(machine(), 3, "nginx").keys("x").play().text();
    assert!(first.contains("syscalls") && ids.contains("only what is not 0"), "{first}{ids}");
    assert_eq!(open(machine(), 3, "nginx").keys("xx").play().text(), words);
}

#[test]
fn a_group_is_the_sum_of_its_processes() {
    let snapshots = (0..6).map(|seconds| {
        let mut snapshot = Machine { empty: true, ..Machine::default() }.after(seconds);
        let one = |pid, bytes| {
            let syscalls = counters(seconds, &[(CounterId::Syscalls, bytes / 1_000)]);
            Arc::new(process(pid, "pair", syscalls, &[read(bytes * seconds)]))
        };
        snapshot.processes = vec![one(41, 1_000_003), one(43, 2_000_003)];
        snapshot
    });
    let session = Session::playing(snapshots.collect()).ticks(5).keys("i");
    let text = session.play().text();
    assert!(text.contains("processes 2"), "{text}");
    // 3,000,006 bytes.
    let path = text.lines().find(|line| line.starts_with("file_read")).unwrap();
    assert!(path.contains("2.86 MiB"), "{path}");
}

#[test]
fn threads_are_there_in_a_recording_that_has_them() {
    let snapshots = (0..6).map(|seconds| {
        let mut snapshot = Machine::default().after(seconds);
        let thread = |tid, comm: &str, bytes, ended| ThreadSample {
            id: ProcessId { pid: tid, start_ns: tid.into() },
            process: ProcessId { pid: 811, start_ns: 811 },
            comm: comm.into(),
            ended,
            counters: counters(seconds, &[]),
            paths: vec![read(bytes * seconds)],
        };
        let threads = [thread(811, "nginx", 1_000_003, 0), thread(815, "aio", 2_000_003, 0)];
        snapshot.threads = threads.into_iter().map(Arc::new).collect();
        snapshot
    });
    let session = Session::playing(snapshots.collect()).recorded();
    let text = open(session, 5, "nginx").keys("nn").play().text();
    assert!(text.contains("threads 2"), "{text}");
    let rows: Vec<_> = text.lines().filter(|line| line.trim().starts_with("81")).collect();
    assert!(rows[0].contains("aio") && rows[0].contains("1.91 MiB"), "{text}");
    assert!(rows[1].contains("nginx") && rows[1].contains("977 KiB"), "{text}");
    let none = open(Session::of(Machine::default()).recorded(), 5, "nginx").keys("nn");
    assert!(none.play().text().contains("zc record --threads FILE"));
}

#[test]
fn nothing_shines_through_the_last_line_of_a_long_page() {
    for downs in 0..4 {
        let session = open(machine().theme(Theme::new(true, true)), 3, "nginx");
        let played = session.keys(&"j".repeat(downs)).play();
        let text = played.text();
        let Some(y) = text.lines().position(|line| line.contains("more lines: Down")) else {
            continue;
        };
        let line = text.lines().nth(y).unwrap();
        assert!(line.trim_start().starts_with('«'), "{line}");
        for x in 0..80 {
            let cell = &played.screen[(x, u16::try_from(y).unwrap())];
            assert!(!cell.modifier.contains(Modifier::DIM), "cell {x} of {line}");
        }
    }
}

#[test]
fn any_size_and_any_number_of_rows() {
    for count in [0, 5, 10_000] {
        let snapshots: Vec<_> =
            (0..3).map(|seconds| with_many(Machine::default().after(seconds), count)).collect();
        let all = [(32, 8), (40, 12), (80, 24), (139, 30), (140, 20), (160, 50)];
        // Thousands of rows take a while in a test.
        let sizes = if count > 5 { &all[4..5] } else { &all[..] };
        for (width, height) in sizes.iter().copied() {
            let session = Session::playing(snapshots.clone()).size(width, height);
            let text = open(session, 3, "nginx").keys("nGnGnGnGnGxn").play().text();
            assert_eq!(text.lines().count(), usize::from(height));
            assert!(text.lines().last().unwrap().starts_with("q Quit"), "{text}");
        }
    }
}
