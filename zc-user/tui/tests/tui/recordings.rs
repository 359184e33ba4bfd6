//! Going elsewhere in a recording.

use std::io::{Seek as _, Write as _};

use crossterm::event::KeyCode;
use zc_recording::{Meta, Recording, Replay, Writer};
use zc_test_support::{machine::Machine, session::Session};

/// A recording of ten seconds, with a mark in the fifth.
fn recording() -> Session {
    let mut writer = Writer::new(Meta { interval_ns: 1_000_000_000, ..Meta::default() });
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&writer.begin(1).unwrap()).unwrap();
    for second in 0..10 {
        let snapshot = Machine::default().after(second);
        file.write_all(&writer.snapshot(&snapshot).unwrap().bytes).unwrap();
        if second == 4 {
            let mark = writer.mark(snapshot.taken_at_ns + 1, "deploy \u{1b}[31m42").unwrap();
            file.write_all(&mark).unwrap();
        }
    }
    file.rewind().unwrap();
    let replay = Replay::new(Recording::open(file).unwrap(), 1.0);
    Session::from(Box::new(replay)).size(120, 30).recorded()
}

/// The end of the first line: where in the recording it is.
fn clock(session: Session) -> String {
    let text = session.play().text();
    let first = text.lines().next().unwrap().trim_end();
    first[first.find("REPLAY").unwrap_or_else(|| first.find("END").unwrap())..].to_owned()
}

#[test]
fn a_recording_is_moved_in() {
    let playing = recording().ticks(4);
    assert_eq!(clock(playing), "REPLAY » 0:03/0:09  22:13:23 UTC");
    let back = recording().ticks(6).keys(",,,");
    assert_eq!(clock(back), "REPLAY STOPPED » 0:02/0:09  22:13:22 UTC");
    let on = recording().ticks(3).keys("....");
    assert_eq!(clock(on), "REPLAY STOPPED » 0:06/0:09  22:13:26 UTC");
    // It waits there, until it is let go.
    let stopped = recording().ticks(3).keys(".").play();
    assert_eq!(stopped.waits.last(), Some(&None));
    let goes_on = recording().ticks(3).keys(". ").ticks(2);
    assert_eq!(clock(goes_on), "REPLAY » 0:05/0:09  22:13:25 UTC");
    let faster = recording().ticks(3).keys("++");
    assert_eq!(clock(faster), "REPLAY » x5  0:02/0:09  22:13:22 UTC");
    let over = recording().ticks(11);
    assert_eq!(clock(over), "END » 0:09/0:09  22:13:29 UTC");
    let not_over = recording().ticks(11).keys(",");
    assert_eq!(clock(not_over), "REPLAY STOPPED » 0:08/0:09  22:13:28 UTC");
}

#[test]
fn a_recording_is_searched_for_a_time_or_a_mark() {
    let mark = recording().ticks(2).keys("]").play().text();
    assert!(mark.contains("mark: deploy"), "{mark}");
    assert!(!mark.contains('\u{1b}'), "{mark}");
    let named = |text: &str| recording().ticks(2).keys("@").keys(text).key(KeyCode::Enter);
    assert_eq!(clock(named("7s")), "REPLAY STOPPED » 0:07/0:09  22:13:27 UTC");
    assert_eq!(clock(named("22:13:24")), "REPLAY STOPPED » 0:04/0:09  22:13:24 UTC");
    // What is wrong is said where it was typed, and changes nothing.
    let wrong = named("99s").play().text();
    assert!(wrong.contains("go to: 99s") && wrong.contains("it lasts 9s"), "{wrong}");
    assert_eq!(clock(named("99s").key(KeyCode::Esc)), "REPLAY » 0:01/0:09  22:13:21 UTC");
    // Live, there is nowhere to go.
    let live = Session::of(Machine::default()).ticks(3).keys("@,.").play().text();
    assert!(!live.contains("go to:") && !live.contains("REPLAY"), "{live}");
}
