//! The page of one process, and of a group of them.

use std::sync::Arc;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use zc_common::path::CopyPath;
use zc_model::{
    counter::CounterId,
    snapshot::{PathId, PathSample, ProcessId, Provenance, Snapshot, ThreadSample},
};
use zc_render::theme::Theme;
use zc_test_support::{
    listed::with_many,
    machine::{Machine, counters, process},
    session::Session,
};

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

/// The machine with files, peers and stacks of nginx, and two more workers of it.
fn busy(seconds: u64) -> Snapshot {
    let mut snapshot = with_many(Machine::default().after(seconds), 5);
    for (pid, part) in [(812, 3), (813, 7)] {
        let bytes = seconds * 10_007_993 / part;
        let path = PathSample {
            path: PathId::Known(CopyPath::FileRead),
            socket: None,
            ops: 101 * seconds,
            errors: 0,
            moved_bytes: bytes,
            copied_bytes: bytes,
            assumed_bytes: 0,
            provenance: Provenance::Measured,
        };
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
    for (presses, name) in ["files", "processes", "code", "history", "counters"].iter().enumerate()
    {
        let session = crew().ticks(70).keys("i").keys(&"n".repeat(presses + 1));
        assert_snapshot!(format!("section_{name}"), session.play().text());
    }
}

#[test]
fn a_group_160x50() {
    let session = crew().size(160, 50).ticks(70).keys("/nginx").key(KeyCode::Enter).keys("i");
    assert_snapshot!(session.play().text());
}
