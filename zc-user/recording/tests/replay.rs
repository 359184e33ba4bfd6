//! A replay goes where it is steered, and on with what is added.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::{
    fs::File,
    io::{Seek as _, Write as _},
};

use zc_model::{
    snapshot::Snapshot,
    source::{SnapshotSource as _, Steer, Steered},
};
use zc_recording::{Growth, Meta, Recording, Replay, Writer};
use zc_test_support::machine::Machine;

const SECOND: u64 = 1_000_000_000;
/// 22:13:20 UTC.
const BEGIN: u64 = 1_700_000_000;

fn snapshot(second: u64) -> Snapshot {
    // The machine has no counts for hours.
    let mut snapshot = Machine::default().after(second % 1_000);
    snapshot.taken_at_ns = (BEGIN + second) * SECOND + 250_000_000;
    // As live sources list them.
    snapshot.processes.sort_by_key(|process| (process.is_merged(), process.id));
    snapshot
}

fn meta() -> Meta {
    Meta { subject: "a test".to_owned(), interval_ns: SECOND, ..Meta::default() }
}

/// Seconds 0 to 199, of which 50 to 109 are missing, with marks after the seconds 20 and 150.
fn recording() -> Recording {
    let mut writer = Writer::new(meta());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&writer.begin(1).unwrap()).unwrap();
    for second in (0..50).chain(110..200) {
        file.write_all(&writer.snapshot(&snapshot(second)).unwrap().bytes).unwrap();
        if second == 20 || second == 150 {
            let at = (BEGIN + second) * SECOND + 600_000_000;
            file.write_all(&writer.mark(at, &format!("after {second}")).unwrap()).unwrap();
        }
    }
    file.rewind().unwrap();
    Recording::open(file).unwrap()
}

struct Player(Replay);

impl Player {
    /// The second of the snapshot that comes next.
    fn next(&mut self) -> Option<u64> {
        let next = self.0.next().unwrap()?;
        let second = next.taken_at_ns / SECOND - BEGIN;
        assert!(next == snapshot(second), "second {second} is not as it was");
        Some(second)
    }

    /// The second that is shown after this, and how many snapshots lead up to it.
    fn steer(&mut self, steer: &Steer) -> Option<(u64, usize)> {
        let count = match self.0.steer(steer).unwrap() {
            Steered::Same => return None,
            Steered::Next => 1,
            Steered::Elsewhere(count) => count,
        };
        let seconds: Vec<u64> = (0..count).map(|_| self.next().unwrap()).collect();
        assert!(seconds.is_sorted(), "{seconds:?}");
        let last = *seconds.last().unwrap();
        assert_eq!(self.0.moment().unwrap().at_ns, snapshot(last).taken_at_ns);
        Some((last, count - 1))
    }

    fn named(&mut self, text: &str) -> Result<Option<u64>, String> {
        let steer = Steer::Named(text.to_owned());
        match self.0.steer(&steer) {
            Err(error) => Err(error.to_string()),
            Ok(_) => Ok(self.steer(&steer).map(|(second, _)| second)),
        }
    }
}

#[test]
fn it_goes_back_and_on_by_snapshots_and_by_minutes() {
    let mut player = Player(Replay::new(recording(), 1.0));
    (0..=5).for_each(|second| assert_eq!(player.next(), Some(second)));
    assert_eq!(player.steer(&Steer::Snapshots(1)), Some((6, 0)));
    assert_eq!(player.steer(&Steer::Snapshots(-2)), Some((4, 4)));
    assert_eq!(player.steer(&Steer::Snapshots(-100)), Some((1, 1)), "the first interval");
    assert_eq!(player.steer(&Steer::Snapshots(-1)), None);
    assert_eq!(player.next(), Some(2), "it goes on from there");
    assert_eq!(player.steer(&Steer::Seconds(60)), Some((49, 49)), "the last one before that");
    assert_eq!(player.steer(&Steer::Seconds(60)), Some((110, 0)), "over the gap");
    assert_eq!(player.steer(&Steer::Seconds(60)), Some((170, 60)));
    assert_eq!(player.steer(&Steer::Seconds(-60)), Some((110, 50)));
    assert_eq!(player.steer(&Steer::Seconds(1_000_000)), Some((199, 60)));
    assert_eq!(player.steer(&Steer::Snapshots(1)), None);
    assert_eq!(player.next(), None);
}

#[test]
fn it_goes_to_marks_and_to_times() {
    let mut player = Player(Replay::new(recording(), 1.0));
    assert_eq!(player.next(), Some(0));
    let mark = |player: &Player| player.0.moment().unwrap().mark.map(|text| text.to_string());
    assert_eq!(mark(&player), None);
    // A mark is shown with the interval in which it was set.
    assert_eq!(player.steer(&Steer::NextMark), Some((21, 21)));
    assert_eq!(mark(&player).as_deref(), Some("after 20"));
    assert_eq!(player.steer(&Steer::NextMark).unwrap().0, 151);
    assert_eq!(player.steer(&Steer::NextMark), None);
    assert_eq!(player.steer(&Steer::PreviousMark).unwrap().0, 21);
    assert_eq!(player.steer(&Steer::PreviousMark), None);
    assert_eq!(player.named("after 150"), Ok(Some(151)));
    assert_eq!(player.named("end"), Ok(Some(199)));
    assert_eq!(player.named("start"), Ok(Some(1)));
    assert_eq!(player.named("30s"), Ok(Some(30)));
    assert_eq!(player.named("2m"), Ok(Some(120)));
    assert_eq!(player.named("22:13:22"), Ok(Some(2)));
    assert_eq!(player.named("22:16"), Ok(Some(160)));
    assert_eq!(player.named(" 22:13:25 UTC "), Ok(Some(5)));
    assert_eq!(player.named("22:13"), Ok(Some(1)), "it begins in that minute");
    assert_eq!(player.named("5s"), Ok(Some(5)));
    assert!(player.named("22:12").unwrap_err().contains("no such time of day"));
    assert!(player.named("22:13:19").unwrap_err().contains("no such time of day"));
    assert!(player.named("1h").unwrap_err().contains("it lasts 199s"));
    assert!(player.named("\u{1b}[31m").unwrap_err().contains("no mark of this name"));
    assert_eq!(player.next(), Some(6), "what is not there changes nothing");
}

#[test]
fn it_is_played_as_fast_as_asked() {
    let mut player = Player(Replay::new(recording(), 1.0));
    player.next();
    let seconds = |player: &Player| player.0.pace().unwrap().as_secs_f64();
    assert_eq!(seconds(&player), 1.0);
    assert_eq!(player.steer(&Steer::Faster), None);
    assert_eq!((seconds(&player), player.0.moment().unwrap().speed), (0.5, 2.0));
    (0..20).for_each(|_| assert_eq!(player.steer(&Steer::Slower), None));
    assert_eq!(seconds(&player), 10.0);
}

#[test]
fn it_goes_on_with_what_is_added_and_in_the_next_file() {
    let mut writer = Writer::new(meta());
    let begin = |writer: &Writer| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&writer.begin(1).unwrap()).unwrap();
        file
    };
    let mut add = |file: &mut File, second| {
        file.write_all(&writer.snapshot(&snapshot(second)).unwrap().bytes).unwrap();
    };
    let mut first = begin(&Writer::new(meta()));
    add(&mut first, 0);
    // The reader has a position of its own.
    let reopened = |file: &File| {
        use std::os::fd::AsRawFd as _;
        File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap()
    };
    let answers = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    let asked = std::rc::Rc::clone(&answers);
    let replay = Replay::new(Recording::open(reopened(&first)).unwrap(), 1.0)
        .growing(move |_| asked.borrow_mut().pop().unwrap());
    let mut player = Player(replay);
    assert_eq!(player.next(), Some(0));
    answers.borrow_mut().push(Growth::Here);
    assert_eq!(player.next(), None);
    assert!(player.0.moment().unwrap().grows);
    assert!(player.0.pace().unwrap().as_millis() <= 100);
    add(&mut first, 1);
    answers.borrow_mut().push(Growth::Here);
    assert_eq!(player.next(), Some(1));
    answers.borrow_mut().push(Growth::Here);
    add(&mut first, 2);
    assert_eq!(player.steer(&Steer::Snapshots(1)), Some((2, 0)));
    // What was still added to the first file is not missed.
    let mut writer = Writer::new(meta());
    let mut second = begin(&writer);
    second.write_all(&writer.snapshot(&snapshot(4)).unwrap().bytes).unwrap();
    add(&mut first, 3);
    answers.borrow_mut().push(Growth::In(reopened(&second)));
    assert_eq!((player.next(), player.next()), (Some(3), Some(4)));
    answers.borrow_mut().push(Growth::Over);
    assert_eq!(player.next(), None);
    assert!(!player.0.moment().unwrap().grows);
}

#[test]
fn six_hours_are_read_from_any_moment() {
    const HOURS: u64 = 6 * 3600;
    let mut writer = Writer::new(meta());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&writer.begin(1).unwrap()).unwrap();
    let mut piece = Vec::new();
    for second in 0..HOURS {
        piece.extend(writer.snapshot(&snapshot(second)).unwrap().bytes);
        if second.is_multiple_of(600) {
            piece.extend(writer.mark(snapshot(second).taken_at_ns, &format!("{second}")).unwrap());
            file.write_all(&std::mem::take(&mut piece)).unwrap();
        }
    }
    file.write_all(&piece).unwrap();
    let size = file.metadata().unwrap().len();
    file.rewind().unwrap();
    let recording = Recording::open(file).unwrap();
    assert_eq!(recording.len() as u64, HOURS);
    assert!(size < 32 << 20, "{size} bytes");
    let mut player = Player(Replay::new(recording, 1.0));
    assert_eq!(player.named("5h"), Ok(Some(5 * 3600)));
    // The next day in UTC.
    assert_eq!(player.named("4:13:19"), Ok(Some(HOURS - 1)));
}

#[test]
fn who_follows_for_long_keeps_the_last_two_files() {
    let files: Vec<File> = (0..5_u64)
        .map(|number| {
            let mut writer = Writer::new(meta());
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(&writer.begin(1).unwrap()).unwrap();
            for second in number * 10..number * 10 + 10 {
                file.write_all(&writer.snapshot(&snapshot(second)).unwrap().bytes).unwrap();
                let mark = snapshot(second).taken_at_ns + 1;
                file.write_all(&writer.mark(mark, &format!("m{second}")).unwrap()).unwrap();
            }
            file
        })
        .collect();
    let mut next = files.into_iter();
    let first = next.next().unwrap();
    let look = move |_: &File| next.next().map_or(Growth::Over, Growth::In);
    let mut player = Player(Replay::new(Recording::open(first).unwrap(), 1.0).growing(look));
    for second in 0..50 {
        assert_eq!(player.next(), Some(second));
    }
    assert_eq!(player.next(), None);
    assert_eq!(player.0.recording().len(), 20);
    assert_eq!(player.steer(&Steer::Snapshots(-3)).unwrap().0, 46);
    assert_eq!(
        player.steer(&Steer::Seconds(-1000)).unwrap().0,
        31,
        "the first interval that there is"
    );
    assert_eq!(player.named("m44"), Ok(Some(45)));
    assert!(player.named("m3").is_err());
}
