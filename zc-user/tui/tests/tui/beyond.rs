//! What the page of a process shows beyond the frames: what the machine says of it now, and what was counted before.

use std::{cell::RefCell, rc::Rc, sync::Arc, time::Duration};

use anyhow::{Result, bail};
use crossterm::event::KeyCode;
use insta::assert_snapshot;
use zc_common::path::CopyPath;
use zc_model::snapshot::{PathId, PathSample, ProcessId, Provenance, Snapshot};
use zc_test_support::{
    machine::{Machine, counters, process},
    session::Session,
};
use zc_tui::{
    archive::{Archive, Snapshots},
    inspect::{Answer, Inspect, Question, Thread},
    world::Input,
};

/// What was asked.
type Asked = Rc<RefCell<Vec<Question>>>;

/// A machine that knows one process.
struct Proc {
    asked: Asked,
    threads: u64,
}

impl Inspect for Proc {
    fn inspect(&mut self, question: Question) -> Option<Answer> {
        let mut asked = self.asked.borrow_mut();
        asked.push(question);
        let times = asked.len() as u64;
        let known = ProcessId { pid: 811, start_ns: 811 };
        let thread = |(tid, name, state, share): (u32, &str, _, u64)| Thread {
            tid,
            name: name.to_owned(),
            state,
            cpu: Duration::from_millis(500 + times * share),
        };
        let some = [
            (811, "nginx", "sleeping", 0),
            (815, "aio\x1b[2J", "running", 470),
            (816, "  ", "blocked", 30),
        ];
        (question.process == known).then(|| Answer {
            command: b"nginx: worker\0-c\0/etc/a file\0\x1b]0;x\x07\0".to_vec(),
            is_cut: false,
            at: Duration::from_secs(1_000 + times),
            age: Duration::from_secs(3 * 86_400 + 4 * 3_600 + times),
            threads: self.threads,
            some: if question.threads { some.map(thread).into() } else { Vec::new() },
        })
    }
}

/// A session on that machine.
fn asking(mut session: Session) -> (Session, Asked) {
    let asked = Asked::default();
    session.inspect = Some(Box::new(Proc { asked: Rc::clone(&asked), threads: 3 }));
    (session, asked)
}

fn machine() -> (Session, Asked) {
    asking(Session::of(Machine::default()))
}

/// The page of the only process of this name.
fn open(session: Session, ticks: usize, name: &str) -> Session {
    let typed = session.ticks(ticks).keys(&format!("/{name}"));
    typed.key(KeyCode::Enter).key(KeyCode::Enter)
}

const COMMAND: &str = r"'nginx: worker' -c '/etc/a file' \u{1b}]0;x\u{7}";

fn has_command(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("command "))
}

#[test]
fn the_command_line_is_asked_once_for_each_frame_of_the_open_page_only() {
    let (session, asked) = machine();
    let text = open(session, 3, "nginx").ticks(2).keys("nnjk").play().text();
    let line = text.lines().find(|line| line.starts_with("command ")).unwrap();
    assert_eq!(line, format!("command {COMMAND}"));
    assert!(text.contains("up 3 d 4 h") && text.contains("threads 3"), "{text}");
    let process = ProcessId { pid: 811, start_ns: 811 };
    let plain = Question { process, threads: false };
    // Threads are asked for where they are shown.
    assert_eq!(*asked.borrow(), [plain, plain, plain, Question { process, threads: true }]);

    let (session, asked) = machine();
    session.ticks(5).keys("jjg1234").play();
    assert!(asked.borrow().is_empty());
}

#[test]
fn what_is_hidden_or_of_another_time_is_not_shown() {
    let (session, asked) = machine();
    let other = open(session, 3, "java").play().text();
    assert!(!has_command(&other) && !asked.borrow().is_empty(), "{other}");

    let (session, asked) = asking(Session::of(Machine::default()).with_past());
    let session = open(session, 5, "nginx");
    let past = session.keys(",").ticks(1).play().text();
    assert!(past.contains("PAST") && !has_command(&past) && !past.contains("up 3 d"));
    let times = asked.borrow().len();
    let (session, again) = asking(Session::of(Machine::default()).with_past());
    let back = open(session, 5, "nginx").keys(",").ticks(3).keys(" ").ticks(1).play().text();
    assert!(back.contains(COMMAND), "{back}");
    assert!(again.borrow().len() > times);

    let (session, asked) = asking(Session::of(Machine::default()).recorded());
    let recorded = open(session, 5, "nginx").keys("nn").play().text();
    assert!(!has_command(&recorded) && asked.borrow().is_empty(), "{recorded}");
}

#[test]
fn threads_are_listed_with_dashes_for_what_was_not_counted() {
    let (session, _) = machine();
    let first = open(session, 3, "nginx").keys("nn").play().text();
    let row = |text: &str, tid: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(tid)).unwrap().to_owned();
        line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row(&first, "811"), ["nginx", "sleeping", "-", "-", "-"], "{first}");
    let (session, _) = machine();
    let text = open(session, 3, "nginx").keys("nn").ticks(1).play().text();
    assert_eq!(row(&text, "815"), [r"aio\u{1b}[2J", "running", "47.0%", "-", "-"], "{text}");
    assert_eq!(row(&text, "816")[..2], ["\"", "\""], "{text}");
    assert_snapshot!(text);

    let mut session = Session::of(Machine::default());
    session.inspect = Some(Box::new(Proc { asked: Asked::default(), threads: 1_234 }));
    let text = open(session, 3, "nginx").keys("nn").play().text();
    assert!(text.contains("1,231 more"), "{text}");
}

#[test]
fn what_the_machine_says_fits_any_screen() {
    for (width, height) in [(20, 5), (40, 12), (80, 24), (120, 40), (139, 30), (160, 50)] {
        let (session, _) = machine();
        let text = open(session.size(width, height), 3, "nginx").keys("nn").ticks(1).play().text();
        assert_eq!(text.lines().count(), usize::from(height));
        if height > 20 {
            assert!(text.contains("command 'nginx") && text.contains("47.0%"), "{text}");
        }
        if width == 160 {
            assert_snapshot!("beyond_160x50", text);
        }
    }
}

/// Snapshots that were taken before.
struct Shelf {
    snapshots: Vec<Snapshot>,
    given: Rc<RefCell<usize>>,
}

impl Archive for Shelf {
    fn until(&mut self, at_ns: u64, most: usize) -> Result<Snapshots> {
        if self.snapshots.is_empty() {
            bail!("the last minutes are not kept: no memory");
        }
        let end = self.snapshots.partition_point(|snapshot| snapshot.taken_at_ns <= at_ns);
        let part = self.snapshots[end.saturating_sub(most)..end].to_vec();
        let given = Rc::clone(&self.given);
        Ok(Box::new(part.into_iter().map(move |snapshot| {
            *given.borrow_mut() += 1;
            Ok(snapshot)
        })))
    }
}

const SECONDS: u64 = 700;

/// A pair of processes of one name. The first reads 1,000,003 bytes a second, and ten times as much in seconds 350 to
/// 353; the second begins after second 400, with 2,000,003.
fn pair(seconds: u64) -> Snapshot {
    let mut snapshot = Machine { empty: true, ..Machine::default() }.after(seconds);
    let read = |bytes| PathSample {
        path: PathId::Known(CopyPath::FileRead),
        socket: None,
        ops: bytes / 65_521,
        errors: 0,
        moved_bytes: bytes,
        copied_bytes: bytes,
        assumed_bytes: 0,
        provenance: Provenance::Measured,
    };
    let one = |pid, bytes| Arc::new(process(pid, "pair", counters(seconds, &[]), &[read(bytes)]));
    let more = seconds.clamp(350, 353) - 350;
    snapshot.processes = vec![one(41, (seconds + 9 * more) * 1_000_003)];
    if seconds > 400 {
        snapshot.processes.push(one(43, (seconds - 400) * 2_000_003));
    }
    snapshot
}

fn reading(given: &Rc<RefCell<usize>>) -> Session {
    let snapshots: Vec<_> = (0..SECONDS + 20).map(pair).collect();
    let seen = snapshots[600..].to_vec();
    let mut session = Session::playing(seen).size(140, 40);
    session.archive = Some(Box::new(Shelf { snapshots, given: Rc::clone(given) }));
    session.ticks(100)
}

/// The peak of the curve of what was copied.
fn peak(text: &str) -> String {
    let mut lines =
        text.lines().filter(|line| line.starts_with("copied ") && line.contains("peak"));
    // The header has one, too.
    lines.next_back().unwrap().split("peak ").nth(1).unwrap().trim().to_owned()
}

#[test]
fn ten_minutes_of_a_process_and_of_a_group_are_there_from_the_start() {
    let given = Rc::default();
    let group = reading(&given).keys("i");
    let before = group.play().text();
    assert!(before.contains("reading what was before...") && *given.borrow() == 0, "{before}");
    assert_eq!(peak(&before), "2.86 MiB/s");
    // It is read a part at a time.
    let text = reading(&given).keys("i").input(Input::Tend).play().text();
    assert!((1..601).contains(&*given.borrow()) && text.contains("reading"), "{given:?}{text}");
    *given.borrow_mut() = 0;
    let mut group = reading(&given).keys("i");
    for _ in 0..12 {
        group = group.input(Input::Tend);
    }
    let text = group.play().text();
    assert_eq!((*given.borrow(), peak(&text).as_str()), (601, "9.54 MiB/s"), "{text}");
    assert!(text.contains("-10 min") && !text.contains("reading"), "{text}");
    assert_snapshot!("ten_minutes_of_a_group", text);
}

#[test]
fn what_happens_while_it_is_read_follows_and_before_it_began_there_is_nothing() {
    let given = Rc::default();
    let mut second = reading(&given).keys("g/pid = 43").key(KeyCode::Enter).key(KeyCode::Enter);
    for _ in 0..12 {
        second = second.input(Input::Tend).ticks(1);
    }
    let text = second.play().text();
    // 300 seconds until the page was opened, and 12 since.
    assert!(text.contains("-10 min") && !text.contains("reading"), "{text}");
    assert_eq!(peak(&text), "1.91 MiB/s");
    assert_snapshot!("ten_minutes_of_a_process", text);
}

#[test]
fn a_time_without_snapshots_is_as_long_as_others() {
    let drawn = |gap: std::ops::Range<u64>| {
        let all = (0..SECONDS).map(pair);
        let snapshots: Vec<_> = all
            .enumerate()
            .filter(|(second, _)| !gap.contains(&(*second as u64)))
            .map(|(_, snapshot)| snapshot)
            .collect();
        let mut session = Session::playing((600..SECONDS).map(pair).collect()).size(140, 40);
        session.archive = Some(Box::new(Shelf { snapshots, given: Rc::default() }));
        let mut session = session.ticks(100).keys("i");
        for _ in 0..12 {
            session = session.input(Input::Tend);
        }
        let text = session.play().text();
        let from = text.lines().position(|line| line.trim_start().starts_with("9.54 MiB")).unwrap();
        text.lines().skip(from).take(6).collect::<Vec<_>>().join("\n")
    };
    let whole = drawn(0..0);
    assert!(whole.contains('█'));
    assert_eq!(drawn(420..540), whole);
}

#[test]
fn elsewhere_in_time_it_is_read_again() {
    let given = Rc::default();
    let snapshots: Vec<_> = (0..450).map(pair).collect();
    let seen = snapshots[300..].to_vec();
    let mut session = Session::playing(seen).size(140, 40).with_past();
    session.archive = Some(Box::new(Shelf { snapshots, given: Rc::clone(&given) }));
    let mut session = session.ticks(150).keys("i,").input(Input::Tend);
    for _ in 0..12 {
        session = session.input(Input::Tend);
    }
    let text = session.play().text();
    // In second 448 the last minute has no peak.
    assert!(text.contains("PAST") && peak(&text) == "9.54 MiB/s", "{text}");
}

#[test]
fn what_cannot_be_read_is_said_and_the_minute_stays() {
    let mut session = Session::playing((0..90).map(pair).collect()).size(140, 40);
    session.archive = Some(Box::new(Shelf { snapshots: Vec::new(), given: Rc::default() }));
    let text = session.ticks(80).keys("i").input(Input::Tend).input(Input::Tend).play().text();
    assert!(text.contains("the last minutes are not kept: no memory"), "{text}");
    assert!(text.contains("-60 s") && !text.contains("reading"), "{text}");
}
