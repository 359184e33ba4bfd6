//! What has changed since a moment that the user chose.

use crossterm::event::KeyCode;
use zc_model::snapshot::Snapshot;
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

/// The rows in the order of their changes, with these.
fn changes(session: Session) -> Vec<(String, String)> {
    let text = session.play().text();
    let rows = text.lines().skip(5).take_while(|line| !line.starts_with('─'));
    let words = rows.map(|line| line.replace(['«', '»', '!'], " "));
    words
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            // Behind PER BYTE, which is a dash where nothing moved.
            let at = words.iter().position(|word| word.ends_with('%'))?;
            let ratio = words.get(at + 1).filter(|word| word.ends_with('x') || **word == "-");
            let change = words.get(at + 1 + usize::from(ratio.is_some()))?;
            Some((words.first()?.to_string(), (*change).to_owned()))
        })
        .filter(|(name, _)| ["burst", "nginx", "postgres", "sh"].contains(&name.as_str()))
        .collect()
}

#[test]
fn rows_can_be_sorted_by_their_change() {
    let begun = || session().size(160, 30).ticks(4).keys("b").ticks(3);
    let menu = |session: Session| session.keys("s").play().text();
    assert!(menu(begun()).contains("SINCE b      How that has changed"));
    assert!(!menu(session().ticks(4)).contains("SINCE b"), "there is nothing to compare with");
    let text = begun().play().text();
    let heading = text.lines().position(|line| line.contains("SINCE b")).unwrap();
    let line = text.lines().nth(heading).unwrap().replace(['«', '»'], "");
    let x = line.chars().take(line.find("SINCE b").unwrap()).count() as u16;
    let sorted = begun().click(x, heading as u16);
    let text = begun().click(x, heading as u16).play().text();
    assert!(text.contains("SINCE b▼"), "{text}");
    let down = changes(sorted);
    let up = changes(begun().click(x, heading as u16).keys("r"));
    let most = ("burst".to_owned(), "x7.0".to_owned());
    assert!(down.len() > 3 && down[0] == most, "{down:?}");
    assert!(up.last() == Some(&most) && up.len() == down.len(), "{up:?}");
    // What has begun or ended counts with all that it copies or copied: 200 MiB a second.
    for (held, word) in [(0..5, "new"), (5..9, "gone")] {
        let mut snapshots: Vec<_> = (0..9).map(|at| Machine::default().after(at)).collect();
        let nginx = |snapshot: &Snapshot| {
            snapshot.processes.iter().position(|process| &*process.comm == "nginx").unwrap()
        };
        let still = snapshots[held.start].clone();
        for snapshot in &mut snapshots[held] {
            let at = nginx(snapshot);
            snapshot.processes[at] = still.processes[nginx(&still)].clone();
        }
        let session = Session::playing(snapshots).size(160, 30).ticks(5).keys("b").ticks(4);
        let rows = changes(session.click(x, heading as u16));
        let begins = [("burst", "x7.0"), ("nginx", word)];
        let begins = begins.map(|(name, change)| (name.to_owned(), change.to_owned()));
        assert!(rows.len() > 1, "{rows:?}");
        assert_eq!(rows[1], begins[1], "{rows:?}");
        assert_eq!(rows[0].0, begins[0].0, "{rows:?}");
    }
    // Without a baseline the rows are in the order that was there before.
    let over = begun().click(x, heading as u16).keys("B").play().text();
    assert!(over.contains("COPIED/s▼"), "{over}");
}

#[test]
fn a_filter_a_baseline_and_losses_are_all_on_the_screen() {
    let machine = || Machine { lost: 17, ..Machine::default() };
    for (width, in_full) in [(80, false), (120, true)] {
        let baseline = if in_full { "since 22:13:23 (b): copied " } else { "since b: copied " };
        let session = Session::of(machine()).size(width, 24).ticks(4).keys("b/nginx or java");
        let text = session.key(KeyCode::Enter).ticks(3).play().text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("lost "), "{text}");
        assert!(lines[3].contains("filter: nginx or java"), "{text}");
        assert!(lines[3].contains(baseline) && lines[3].contains(", by ref"), "{text}");
        assert!(!lines[3].contains('…'), "{text}");
    }
}
