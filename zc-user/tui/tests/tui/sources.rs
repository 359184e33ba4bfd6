//! What the dashboard makes of what it is given: processes that end, losses, recordings, failures, a narrowed view.

use std::sync::Arc;

use anyhow::{Result, bail};
use crossterm::event::KeyCode;
use zc_common::loss::Loss;
use zc_model::{
    filter::Filter,
    snapshot::Snapshot,
    source::{Interrupted, SnapshotSource},
};
use zc_test_support::{machine::Machine, session::Session};

fn machine() -> Session {
    Session::of(Machine::default())
}

#[test]
fn a_recording_is_called_one_and_says_of_when_it_is() {
    let played = machine().recorded().ticks(3).play().text();
    let first = played.lines().next().unwrap();
    assert!(first.ends_with(" REPLAY » 22:13:22 UTC"), "{first}");
    let live = machine().ticks(3).play().text();
    let first = live.lines().next().unwrap();
    assert!(first.ends_with(" 1 s") && !first.contains("REPLAY"), "{first}");
}

#[test]
fn a_process_that_ends_while_one_looks_at_it_stays_on_the_screen() {
    let mut snapshots: Vec<Snapshot> = (0..4).map(|s| Machine::default().after(s)).collect();
    snapshots[3].processes.retain(|process| &*process.comm != "nginx");
    let played = Session::playing(snapshots.clone()).ticks(3).key(KeyCode::Enter).ticks(1).play();
    let text = played.text();
    assert!(text.contains("has ended") && text.contains("pid 811"), "{text}");
    assert!(text.contains("reads files and sends them"), "{text}");
    let alive = Session::playing(snapshots).ticks(3).key(KeyCode::Enter).play().text();
    assert!(!alive.contains("has ended"));
}

#[test]
fn the_end_of_a_process_that_was_asked_for_is_said() {
    let mut snapshots: Vec<Snapshot> = (0..4).map(|s| Machine::default().after(s)).collect();
    let nginx = snapshots[3].processes.iter_mut().find(|process| process.id.pid == 811).unwrap();
    let nginx = Arc::make_mut(nginx);
    nginx.exited = true;
    let watched = vec![nginx.id];
    let text = |ticks: usize| {
        let mut session = Session::playing(snapshots.clone());
        session.filter = Filter { followed: true, watched: watched.clone(), ..Filter::default() };
        session.ticks(ticks).play().text()
    };
    assert!(!text(3).contains("has ended"));
    let ended = text(4);
    assert!(ended.contains("nginx (811) has ended"), "{ended}");
    assert!(ended.contains("java"), "the dashboard goes on: {ended}");
}

#[test]
fn what_threads_did_without_a_slot_is_shown_with_a_filter_too() {
    let text = |lost| {
        let machine = Machine { lost, ..Machine::default() };
        Session::of(machine).ticks(3).keys("/nginx").key(KeyCode::Enter).play().text()
    };
    assert!(!text(0).contains("(unattributed)"));
    assert!(text(1).contains("(unattributed)"), "{}", text(1));
}

#[test]
fn losses_on_the_machine_are_not_lost_to_what_is_followed() {
    let mut snapshots: Vec<Snapshot> = (0..3).map(|s| Machine::default().after(s)).collect();
    snapshots[2].losses[Loss::ProbeRecursions] = 350;
    let session = |followed| {
        let mut session = Session::playing(snapshots.clone());
        session.filter = Filter { followed, ..Filter::default() };
        session.ticks(3)
    };
    assert!(session(false).play().text().contains("lost 350"));
    let text = session(true).play().text();
    assert!(!text.contains("350"), "{text}");
    let doctor = session(true).keys("6").play().text();
    assert!(doctor.contains(" 350   probe_recursions"), "{doctor}");
    let words: Vec<_> = doctor.split_whitespace().collect();
    assert!(words.join(" ").contains("On this machine, of any process."), "{doctor}");
}

#[test]
fn what_the_command_line_narrowed_stays_narrowed() {
    let mut session = machine().ticks(3);
    session.filter = Filter { pids: vec![811], ..Filter::default() };
    assert_eq!(session.key(KeyCode::Esc).play().listed(), ["nginx"]);
}

#[test]
fn a_filter_of_the_command_line_is_edited_and_cleared_like_one_that_was_typed() {
    let given = || {
        let mut session = machine().size(120, 30).ticks(3);
        session.filter = Filter { comms: vec!["nginx".into()], ..Filter::default() };
        session
    };
    assert_eq!(given().play().listed(), ["nginx"]);
    assert!(given().play().text().contains("filter: comm = nginx"), "{}", given().play().text());
    assert_eq!(given().key(KeyCode::Esc).play().listed(), machine().ticks(3).play().listed());
    let more = given().keys("/,java").key(KeyCode::Enter).play();
    assert_eq!(more.listed(), ["nginx", "java"], "{}", more.text());
}

#[test]
fn the_screen_says_that_others_are_not_followed() {
    let mut session = machine().ticks(3);
    session.filter = Filter { followed: true, ..Filter::default() };
    let text = session.size(160, 50).play().text();
    assert!(text.contains(" of followed processes"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("machine ")), "{text}");
    let mut session = machine().ticks(3).keys("g");
    session.filter = Filter { followed: true, ..Filter::default() };
    let text = session.play().text();
    assert!(text.contains(" 7 followed processes"), "{text}");
    for (page, whose) in [("2", " of followed processes"), ("4", " of the whole machine")] {
        let mut session = machine().ticks(3).keys(page);
        session.filter = Filter { followed: true, ..Filter::default() };
        let text = session.play().text();
        assert!(text.lines().nth(3).is_some_and(|tabs| tabs.trim_end().ends_with(whose)), "{text}");
    }
}

#[test]
fn what_the_command_line_says_is_obeyed_and_named() {
    let mut narrowed = machine();
    narrowed.filter.comms = vec!["nginx".into(), "java".into()];
    let text = narrowed.size(120, 30).ticks(3).play().text();
    assert!(text.contains("by command (g) 2, filter: comm = nginx,java"), "{text}");
    let mut narrowed = machine();
    narrowed.filter.comms = vec!["nginx".into(), "java".into()];
    let text = narrowed.size(120, 30).ticks(3).keys("g").play().text();
    assert!(text.contains("2 of 7 processes, filter: comm = nginx,java"), "{text}");
    let mut few = machine().size(120, 30);
    few.top = Some(2);
    let few = few.ticks(3).play();
    assert_eq!(few.listed(), ["nginx", "burst"]);
    assert!(few.text().contains("by command (g) 2 of 6, --top 2"), "{}", few.text());
}

#[test]
fn the_end_of_a_recording_keeps_the_last_frame() {
    let snapshots: Vec<Snapshot> = (0..3).map(|s| Machine::default().after(s)).collect();
    let played = Session::playing(snapshots).ticks(4).keys("j").play();
    assert_eq!(played.waits.last(), Some(&None), "no more ticks");
    assert!(played.text().contains(" END ") && played.listed().contains(&"nginx".to_owned()));
}

#[test]
fn a_recording_of_one_snapshot_shows_what_was_counted_so_far() {
    let played = Session::playing(vec![Machine::default().after(2)]).ticks(2).play();
    assert_eq!(played.listed()[0], "nginx");
}

struct Failing(u32);

impl SnapshotSource for Failing {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        self.0 += 1;
        match self.0 {
            3 => bail!("cannot read the counters: \x1b[31mmap is gone"),
            n => Ok(Some(Machine::default().after(n.into()))),
        }
    }
}

#[test]
fn a_source_that_fails_is_shown_and_tried_again() {
    let failed = Session::from(Box::new(Failing(0))).ticks(3).play();
    assert!(failed.text().contains("cannot read the counters: \\u{1b}"), "{}", failed.text());
    assert!(failed.listed().contains(&"nginx".to_owned()), "the last frame stays");
    let recovered = Session::from(Box::new(Failing(0))).ticks(4).play();
    assert!(!recovered.text().contains("cannot read"));
}

/// A server that starts again between its second and its third snapshot.
struct Restarting(u32);

impl SnapshotSource for Restarting {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        self.0 += 1;
        match self.0 {
            3 => {
                Err(Interrupted { why: "it has started again".to_owned(), begins_again: true }
                    .into())
            }
            n => Ok(Some(Machine::default().after(if n < 3 { n.into() } else { 1 }))),
        }
    }
}

#[test]
fn what_was_counted_before_a_restart_is_no_baseline() {
    let played = |ticks| Session::from(Box::new(Restarting(0))).ticks(ticks).play();
    let rows = |ticks| played(ticks).text().lines().skip(5).map(str::to_owned).collect::<Vec<_>>();
    assert!(played(3).text().contains("it has started again"));
    // The first snapshot of the second run has no interval: what was shown before stays.
    assert_eq!(rows(4), rows(2));
}

#[test]
fn hostile_names_leave_nothing_on_the_screen_that_a_terminal_would_obey() {
    for keys in ["", "?", "/evil"] {
        let mut session = machine().size(160, 50).ticks(3).keys(keys);
        if keys.starts_with('/') {
            session = session.key(KeyCode::Enter).key(KeyCode::Enter);
        }
        let played = session.play();
        for cell in &played.screen.content {
            let hostile = |c: char| {
                c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            };
            assert!(!cell.symbol().contains(hostile), "{:?} after '{keys}'", cell.symbol());
        }
        // Visible, not just swallowed: the name is what it says it is.
        let shown = match keys {
            "/evil" => "\nevil\\u{1b}[2J\\u{202e}\\r\\n\\t  pid 4 ",
            "" => " evil\\u{1b}[2J\\u{2",
            _ => "",
        };
        assert!(played.text().contains(shown), "{}", played.text());
    }
}
