//! What has changed since a moment that the user chose.

use crossterm::event::KeyCode;
use zc_test_support::{machine::Machine, session::Session};

fn session() -> Session {
    Session::of(Machine::default()).size(100, 24)
}

#[test]
fn all_rows_and_the_totals_are_compared_with_the_moment_that_was_chosen() {
    let before = session().ticks(4).play().text();
    assert!(!before.contains("SINCE b") && !before.contains("(b)"), "{before}");
    let compared = session().ticks(4).keys("b").ticks(3).play().text();
    assert!(compared.contains("since 22:13:23 (b): copied "), "{compared}");
    insta::assert_snapshot!("baseline", compared);
    let over = session().ticks(4).keys("b").ticks(2).keys("B").play().text();
    assert!(!over.contains("SINCE b") && !over.contains("(b)"), "{over}");
    // Before there is a frame, there is nothing to compare with.
    let early = session().keys("b").ticks(3).play().text();
    assert!(!early.contains("SINCE b"), "{early}");
}

#[test]
fn an_older_moment_can_be_chosen_as_well() {
    let session = session().with_past().ticks(7).keys(",,,b ").ticks(2).play().text();
    assert!(session.contains("since 22:13:23 (b): copied "), "{session}");
}

#[test]
fn a_group_is_not_compared_with_what_the_filter_leaves_out() {
    let change = |session: Session| {
        let text = session.ticks(4).keys("b").ticks(3).play().text();
        let row = text.lines().find(|line| line.contains("nginx") && line.contains("2.0x"));
        row.unwrap()
            .split_whitespace()
            .skip_while(|word| *word != "2.0x")
            .nth(1)
            .unwrap()
            .to_owned()
    };
    let filtered = || session().ticks(1).keys("/nginx").key(KeyCode::Enter);
    assert_eq!(change(session()), "=");
    assert_eq!(change(filtered()), "-", "not known of a group");
    assert_eq!(change(filtered().keys("g")), "=", "known of a process");
}
