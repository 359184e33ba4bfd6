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

/// What goes on, for seven seconds.
fn live() -> Session {
    Session::of(Machine::default()).size(120, 30).with_past().ticks(7)
}

fn first_line(session: Session) -> String {
    session.play().text().lines().next().unwrap().trim_end().to_owned()
}

#[test]
fn the_last_minutes_are_gone_back_to_and_left_again() {
    let now = first_line(live());
    assert!(!now.contains("PAST"), "{now}");
    let back = first_line(live().keys(",,"));
    assert!(back.ends_with("PAST » 0:02 ago, of 0:06  22:13:24 UTC"), "{back}");
    // Nothing is taken by itself while it stands there.
    assert_eq!(live().keys(",").play().waits.last(), Some(&None));
    for home in [",, ", ",,..", ",;;@end\n"] {
        let mut session = live();
        for key in home.chars() {
            session = match key {
                '\n' => session.key(KeyCode::Enter),
                key => session.keys(&key.to_string()),
            };
        }
        let home = session.play();
        assert!(home.waits.last().unwrap().is_some(), "it goes on");
        assert!(!home.text().contains("PAST"), "{}", home.text());
    }
    // What is shown there is what was shown then.
    let body =
        |session: Session| session.play().text().lines().skip(4).collect::<Vec<_>>().join("\n");
    let then = Session::of(Machine::default()).size(120, 30).with_past().ticks(5);
    let strip = |text: String| text.lines().take(20).collect::<Vec<_>>().join("\n");
    assert_eq!(strip(body(live().keys(",,"))), strip(body(then)));
}

#[test]
fn moments_get_names_while_they_happen() {
    let session = || live().keys("mconfig reloaded").key(KeyCode::Enter).ticks(2);
    let there = session().keys("[").play().text();
    assert!(there.contains("PAST") && there.contains("mark: config reloaded"), "{there}");
    // A long one is shown as far as there is room for it.
    let name = "after the second restart of the front";
    let long = live().size(80, 24).keys("m").keys(name).key(KeyCode::Enter).ticks(2);
    let there = long.keys("[").play().text();
    assert!(there.contains(&format!("mark: {name}")), "{there}");
    let nothing = live().keys("m").key(KeyCode::Enter).keys("[").play().text();
    assert!(!nothing.contains("PAST"), "{nothing}");
    let left = live().keys("mx").key(KeyCode::Esc).keys("[").play().text();
    assert!(!left.contains("PAST"), "{left}");
}
