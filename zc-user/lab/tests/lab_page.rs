//! The page of the dashboard on which a mechanism runs: whole screens as snapshots, and sessions with scripted keys.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{cell::RefCell, future, pin::Pin, rc::Rc, sync::Arc, task::Poll};

use anyhow::{Result, anyhow};
use crossterm::event::KeyCode;
use insta::assert_snapshot;
use zc_common::path::CopyPath;
use zc_lab::{
    catalog::SCENARIOS,
    run::again::{PER_SECOND, Runner, Running, SIZE, Told},
    scenario::{Scenario, Work},
    screen::lab::{Bench, LabPage, OF_A_RECORDING, OF_ANOTHER_MACHINE},
    sink::Sink,
};
use zc_model::snapshot::{PathId, PathSample, Provenance, Snapshot};
use zc_test_support::{
    machine::{Machine, counters, process},
    session::Session,
};

const PID: u32 = 4243;

/// The sizes that screens are looked at in.
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (160, 50), (20, 5)];

/// How runs end.
#[derive(Clone, Copy)]
enum Luck {
    /// Not by themselves.
    Runs,
    /// After they have been asked so often.
    Ends(u32),
    /// They cannot begin.
    Fails,
}

/// What happened, in order.
type Log = Rc<RefCell<Vec<String>>>;

struct Fake {
    luck: Luck,
    log: Log,
}

struct Guard(&'static str, Log);

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.borrow_mut().push(format!("{} has gone", self.0));
    }
}

impl Runner for Fake {
    fn place(&self, scenario: &Scenario) -> Result<Sink, String> {
        match scenario.work {
            Work::Mechanism(_) => Ok(scenario.sinks[0]),
            Work::Program(_) => Err("takes what zc has given up: sudo zc lab run it".to_owned()),
        }
    }

    fn kernel(&self) -> (u32, u32) {
        (6, 12)
    }

    fn run(&mut self, scenario: &'static Scenario, sink: Sink, told: Told) -> Running {
        self.log.borrow_mut().push(format!("{} to {}", scenario.id, sink.id()));
        let guard = Guard(scenario.id, Rc::clone(&self.log));
        let luck = self.luck;
        let mut asked = 0;
        let work = future::poll_fn(move |_| {
            let _ = &guard;
            asked += 1;
            match luck {
                Luck::Fails => return Poll::Ready(Err(anyhow!("no \x1b[31mroom is left"))),
                Luck::Ends(after) if asked > after => return Poll::Ready(Ok(())),
                Luck::Runs | Luck::Ends(_) => told.set(Some(PID)),
            }
            Poll::Pending
        });
        Box::pin(work) as Pin<Box<dyn Future<Output = Result<()>>>>
    }
}

/// The machine for some seconds, on which the worker does this, a round of which has as many copies of each byte.
fn machine(copies: Provenance, paths: &'static [(CopyPath, u64)]) -> Vec<Snapshot> {
    let after = |second: u64| {
        let mut snapshot = Machine { copies, ..Machine::default() }.after(second);
        let bytes = SIZE * PER_SECOND * second;
        let sample = |(path, copies): &(CopyPath, u64)| PathSample {
            path: PathId::Known(*path),
            socket: None,
            ops: 128 * PER_SECOND * second,
            errors: 0,
            moved_bytes: bytes,
            copied_bytes: bytes * copies,
            assumed_bytes: 0,
            provenance: copies_of(*path, snapshot.host.copies),
        };
        let paths: Vec<_> = paths.iter().map(sample).collect();
        let worker = process(PID, "read_write", counters(second, &[]), &paths);
        snapshot.processes.push(Arc::new(worker));
        snapshot
    };
    (0..10).map(after).collect()
}

/// What goes by reference is measured everywhere.
fn copies_of(path: CopyPath, copies: Provenance) -> Provenance {
    if path == CopyPath::Vmsplice { Provenance::Measured } else { copies }
}

const TWICE: &[(CopyPath, u64)] = &[(CopyPath::FileRead, 1), (CopyPath::SocketSend, 1)];

fn session(luck: Luck, snapshots: Vec<Snapshot>) -> (Session, Log) {
    let log = Log::default();
    let mut session = Session::playing(snapshots);
    let fake: Bench = Ok(Box::new(Fake { luck, log: Rc::clone(&log) }));
    session.lab = Some(Box::new(LabPage::new(fake)));
    (session.ticks(3).keys("6"), log)
}

fn measured(luck: Luck) -> (Session, Log) {
    session(luck, machine(Provenance::Measured, TWICE))
}

/// Goes to a mechanism.
fn select(mut session: Session, id: &str) -> Session {
    let place = SCENARIOS.iter().position(|scenario| scenario.id == id).unwrap();
    for _ in 0..place {
        session = session.key(KeyCode::Down);
    }
    session
}

#[test]
fn the_list() {
    for (width, height) in SIZES {
        let (session, log) = measured(Luck::Runs);
        let text = session.size(width, height).play().text();
        assert_snapshot!(format!("lab_list_{width}x{height}"), text);
        assert!(log.borrow().is_empty(), "nothing runs by itself");
    }
}

#[test]
fn a_run() {
    for (width, height) in SIZES {
        let (session, _) = measured(Luck::Runs);
        let session = session.size(width, height).key(KeyCode::Enter).ticks(3);
        assert_snapshot!(format!("lab_run_{width}x{height}"), session.play().text());
    }
}

#[test]
fn copies_of_each_byte_are_those_that_were_counted() {
    let screen = |snapshots| {
        let (session, _) = session(Luck::Runs, snapshots);
        session.size(160, 50).key(KeyCode::Enter).ticks(4).play().text()
    };
    let text = screen(machine(Provenance::Measured, TWICE));
    assert!(text.contains("2.00x   textbook 2.0x"), "{text}");
    assert!(text.contains("Measured: as the textbook says."), "{text}");
    let text = screen(machine(Provenance::Modelled, TWICE));
    assert!(text.contains("2.00x~  textbook") || text.contains("2.00x~   textbook"), "{text}");
    assert!(text.contains("Theory, not checked here"), "{text}");
    assert!(!text.contains("as the textbook says"), "{text}");
    let once = &[(CopyPath::FileRead, 0), (CopyPath::SocketSend, 1)];
    let text = screen(machine(Provenance::Measured, once));
    assert!(text.contains("1.00x") && text.contains("Neither as the textbook says"), "{text}");
    let text = screen(machine(Provenance::Unavailable, TWICE));
    assert!(text.contains("copies are not measured"), "{text}");
    assert!(
        text.contains("copies of each byte  -   textbook 2.0x"),
        "never 0 for not known: {text}"
    );
    assert!(!text.contains("as the textbook says"), "{text}");
}

#[test]
fn what_prepares_a_round_is_not_in_the_picture() {
    let paths = &[(CopyPath::FileRead, 1), (CopyPath::Vmsplice, 0)];
    let (session, _) = session(Luck::Runs, machine(Provenance::Measured, paths));
    let session = select(session.size(160, 50), "vmsplice").key(KeyCode::Enter).ticks(3);
    let text = session.play().text();
    assert!(text.contains("0.00x   textbook 0.0x"), "{text}");
    assert!(text.contains("to map pages or to prepare each round: file_read"), "{text}");
}

#[test]
fn it_is_stopped_and_another_takes_its_place() {
    let (first, log) = measured(Luck::Runs);
    let text = first.key(KeyCode::Enter).ticks(2).keys("x").play().text();
    assert!(text.contains("stopped; its last figures") && text.contains("2.00x"), "{text}");
    assert_eq!(*log.borrow(), ["read_write to tcp", "read_write has gone"]);
    let (first, log) = measured(Luck::Runs);
    let both = first.size(160, 50).key(KeyCode::Enter).ticks(2).key(KeyCode::Down);
    both.key(KeyCode::Enter).ticks(1).play();
    let happened = ["read_write to tcp", "read_write has gone", "mmap_write to tcp"];
    assert_eq!(log.borrow()[..3], happened);
    assert_eq!(log.borrow()[3..], ["mmap_write has gone"], "with the session");
}

#[test]
fn it_goes_on_behind_other_pages() {
    let (session, log) = measured(Luck::Runs);
    let away = session.key(KeyCode::Enter).ticks(2).keys("16").ticks(1).play().text();
    assert!(away.contains("2.00x"), "{away}");
    assert_eq!(log.borrow().len(), 2, "{log:?}");
}

#[test]
fn it_ends_by_itself_and_keeps_its_figures() {
    let (session, _) = measured(Luck::Ends(4));
    let text = session.key(KeyCode::Enter).ticks(6).play().text();
    assert!(text.contains("ended; its last figures") && text.contains("2.00x"), "{text}");
}

#[test]
fn what_cannot_run_says_why() {
    let (session, _) = measured(Luck::Fails);
    let text = session.key(KeyCode::Enter).ticks(1).play().text();
    assert!(text.contains("failed") && text.contains("room is left"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let (session, log) = measured(Luck::Runs);
    let text = select(session, "nginx_sendfile").key(KeyCode::Enter).ticks(1).play().text();
    assert!(text.contains("takes what zc has given up"), "{text}");
    assert!(log.borrow().is_empty());
}

#[test]
fn recordings_and_other_machines_have_the_list_only() {
    for (why, word) in [(OF_A_RECORDING, "recording"), (OF_ANOTHER_MACHINE, "another zc")] {
        let mut session = Session::playing(machine(Provenance::Measured, TWICE));
        session.lab = Some(Box::new(LabPage::new(Err(why))));
        let session = session.size(120, 40).ticks(2).keys("6").key(KeyCode::Enter).ticks(1);
        let text = session.play().text();
        assert!(text.contains("read_write") && text.contains(word), "{text}");
        assert!(!text.contains("copies of each byte"), "{text}");
    }
}

#[test]
fn every_size_has_room_for_something() {
    for (width, height) in [(20, 5), (32, 8), (80, 24), (119, 13), (120, 40), (160, 50), (300, 9)] {
        for keys in ["", "l", "lj", "lx"] {
            let (session, _) = measured(Luck::Runs);
            let text = session.size(width, height).keys(keys).ticks(2).play().text();
            assert!(!text.trim().is_empty(), "{width}x{height}");
        }
    }
}

#[test]
fn escape_leads_from_a_run_to_the_list() {
    let (session, log) = measured(Luck::Runs);
    let text = session.key(KeyCode::Enter).ticks(1).key(KeyCode::Esc).play().text();
    assert!(text.contains("MECHANISM") && text.contains("read_write *"), "{text}");
    assert_eq!(log.borrow()[..1], ["read_write to tcp"]);
}

#[test]
fn every_key_of_the_page_does_something() {
    let stage = |keys: &str| {
        let mut stage = measured(Luck::Runs).0.stage();
        stage.keys(keys);
        stage.arrive();
        stage
    };
    let keys = stage("\n").shell.top().keys();
    assert!(keys.iter().any(|key| key.shown == "x") && keys.len() > 2, "{keys:?}");
    for (key, chord) in keys.iter().flat_map(|key| key.chords.iter().map(move |it| (key, it))) {
        // On the list, and while something runs. Time stands still.
        let does_something = ["", "\n"].into_iter().any(|keys| {
            let mut stage = stage(keys);
            let before = stage.drawn();
            stage.press(*chord);
            stage.arrive();
            stage.drawn() != before
        });
        assert!(does_something, "{}", key.shown);
    }
}
