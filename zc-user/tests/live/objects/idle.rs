//! More files than there is room for, some at a time: rows that are idle make room for those of the files that are used.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    ops::Range,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use tempfile::TempDir;
use zc_common::{loss::Loss, path::CopyPath};
use zc_model::{
    frame::Frame,
    snapshot::{ObjectSample, Outside, PathSample, Snapshot},
    source::SnapshotSource as _,
};
use zc_probe::{attach::Options, follow::Follow, live::Live, names::identity};

use super::{crowd, requirement, workload};
use crate::{requirement::Skip, workload::objects::READ};

/// A program that uses the files that its input names, and `zc` in this process, with a schedule of its own, which follows
/// it alone.
struct Session {
    live: Live,
    program: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    directory: TempDir,
    before: Snapshot,
}

impl Session {
    fn start(room: u64, directory: TempDir) -> Result<Self, Skip> {
        requirement::ebpf()?;
        let [program, word] = workload();
        let mut program = Command::new(program)
            .args([word.as_os_str(), "files-in-turn".as_ref(), directory.path().as_os_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the workload runs");
        let options = Options {
            objects: Some(u32::try_from(room).expect("a number of rows")),
            follow: Follow::Processes(vec![identity::find(program.id()).expect("it waits")]),
            ..Options::default()
        };
        let mut live = Live::start(&options).expect("zc attaches");
        let before = live.next().expect("zc counts").expect("a snapshot");
        let orders = program.stdin.take();
        let answers = BufReader::new(program.stdout.take().expect("a pipe"));
        Ok(Self { live, program, orders, answers, directory, before })
    }

    /// Has the program use files of these names; what `zc` saw since the last time.
    fn step(&mut self, names: &[String]) -> Frame {
        let orders = self.orders.as_mut().expect("it has not ended");
        writeln!(orders, "{}", names.join(" ")).expect("a reader");
        self.answers.read_line(&mut String::new()).expect("an answer");
        let next = self.live.next().expect("zc counts").expect("a snapshot");
        let before = std::mem::replace(&mut self.before, next);
        Frame::between(&before, &self.before)
    }

    /// What was done since the start.
    fn sum(&self) -> Frame {
        Frame::cumulative(self.before.clone())
    }

    /// What the rows of these files have, by name.
    fn rows<'a>(&self, frame: &'a Frame) -> BTreeMap<&'a str, &'a ObjectSample> {
        let place = self.directory.path().canonicalize().expect("it is there");
        let place = format!("{}/", place.to_str().expect("a name"));
        let rows = frame.objects.iter().flat_map(|objects| &objects.rows);
        let named = rows.filter_map(|row| Some((row.object.name.as_deref()?, row)));
        named.filter_map(|(name, row)| Some((name.strip_prefix(&place)?, row))).collect()
    }

    fn finish(mut self) {
        drop(self.orders.take());
        assert!(self.program.wait().expect("a child").success());
    }
}

fn names(numbers: Range<u64>) -> Vec<String> {
    numbers.map(|number| number.to_string()).collect()
}

/// Calls and bytes on a path.
fn on(paths: &[PathSample], path: CopyPath) -> (u64, u64) {
    let is_it = |sample: &&PathSample| sample.path.is_known_and(|it| it == path);
    let found = paths.iter().filter(is_it);
    found.fold((0, 0), |(ops, bytes), it| (ops + it.ops, bytes + it.moved_bytes))
}

/// So many calls of the program.
fn calls(many: u64) -> (u64, u64) {
    (many, many * READ as u64)
}

/// Each of the files, and no other, was written to and sent from, once; and went to one file.
fn assert_used(session: &Session, frame: &Frame, names: &[String]) {
    let mut rows = session.rows(frame);
    let sink = rows.remove("sink").expect("a row of where all is sent");
    assert_eq!(on(&sink.to, CopyPath::SendfileToFile), calls(names.len() as u64));
    let mut expected: Vec<_> = names.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), expected);
    for row in rows.values() {
        assert_eq!(on(&row.to, CopyPath::FileWrite), calls(1), "{row:?}");
        assert_eq!(on(&row.from, CopyPath::SendfileToFile), calls(1), "{row:?}");
        assert_eq!((row.from.len(), row.to.len()), (1, 1), "{row:?}");
    }
    let objects = frame.objects.as_ref().expect("objects");
    let mut from: Vec<_> = objects
        .flows
        .iter()
        .filter(|flow| flow.to.id == sink.object.id)
        .map(|flow| {
            assert_eq!((flow.ops, flow.bytes), calls(1), "{flow:?}");
            flow.from.name.as_deref().and_then(|name| name.rsplit('/').next()).expect("a name")
        })
        .collect();
    from.sort_unstable();
    assert_eq!(from, expected);
    // What makes room was not moved now.
    for others in &objects.outside {
        assert_eq!(on(&others.to, CopyPath::FileWrite), (0, 0), "{others:?}");
        assert_eq!(on(&others.from, CopyPath::SendfileToFile), (0, 0), "{others:?}");
    }
}

/// All files, the last of which have rows: nothing was without room, and nothing is missing.
pub(super) fn all() -> Result<(), Skip> {
    let (files, room, directory) = crowd();
    let mut session = Session::start(room, directory)?;
    // Each has two rows, and a flow: fewer than a quarter of the table, which is free.
    let many = room / 10;
    for first in (0..files).step_by(many as usize) {
        let names = names(first..files.min(first + many));
        let frame = session.step(&names);
        assert_used(&session, &frame, &names);
        assert_eq!(frame.losses[Loss::ObjectsExhausted], 0);
    }
    let sum = session.sum();
    let objects = sum.objects.as_ref().expect("objects");
    assert!(objects.rows.len() as u64 <= 2 * room && objects.flows.len() as u64 <= 2 * room);
    let others = objects.outside.iter().find(|it| it.reason == Outside::NoRoom);
    let others = others.expect("a row of the others");
    let mut from = on(&others.from, CopyPath::SendfileToFile);
    let mut to = on(&others.to, CopyPath::FileWrite);
    let rows = session.rows(&sum);
    for (name, row) in &rows {
        if *name == "sink" {
            assert_eq!(on(&row.to, CopyPath::SendfileToFile), calls(files));
            continue;
        }
        for (sum, (ops, bytes)) in [
            (&mut from, on(&row.from, CopyPath::SendfileToFile)),
            (&mut to, on(&row.to, CopyPath::FileWrite)),
        ] {
            assert!(ops <= 1 && bytes == calls(ops).1, "{row:?}");
            *sum = (sum.0 + ops, sum.1 + bytes);
        }
    }
    assert_eq!((from, to), (calls(files), calls(files)));
    // As many as there is room for here and there, of which those in the table are a half at least.
    let last = files - room / 4..files;
    assert!(last.clone().all(|number| rows.contains_key(&*number.to_string())), "{last:?}");
    assert!(rows.len() as u64 > room / 2, "{}", rows.len());
    session.finish();
    Ok(())
}

/// Files whose rows have made room and are used again: some are still known to `zc`, some are not.
pub(super) fn back() -> Result<(), Skip> {
    let room = 64;
    let mut session = Session::start(room, TempDir::new().expect("a directory"))?;
    let many = room / 10;
    let first = names(0..many);
    let frame = session.step(&first);
    assert_used(&session, &frame, &first);
    let mut next = many;
    let mut others = |session: &mut Session, steps: u64| {
        for _ in 0..steps {
            let names = names(next..next + many);
            let frame = session.step(&names);
            assert_used(session, &frame, &names);
            next += many;
        }
    };
    // So many that those of the first step make room, and not so many that they are given up.
    others(&mut session, 6);
    let rename = |from: &str, to: &str| {
        let [from, to] = [from, to].map(|name| session.directory.path().join(name));
        std::fs::rename(from, to).expect("it is there");
    };
    rename("0", "zero");
    let again = ["zero".to_owned(), "1".to_owned()];
    let frame = session.step(&again);
    assert_used(&session, &frame, &again);
    let sum = session.sum();
    let rows = session.rows(&sum);
    assert_eq!(on(&rows["zero"].to, CopyPath::FileWrite), calls(2), "it goes on");
    assert_eq!(on(&rows["1"].from, CopyPath::SendfileToFile), calls(2));
    assert!(!rows.contains_key("0"), "its name is another one");
    assert_eq!(on(&rows["2"].to, CopyPath::FileWrite), calls(1), "it has made room");
    // So many that all are given up.
    others(&mut session, 40);
    assert!(!session.rows(&session.sum()).contains_key("2"));
    let again = names(1..4);
    let frame = session.step(&again);
    assert_used(&session, &frame, &again);
    session.finish();
    Ok(())
}
