//! What is on the screen goes to those who keep it.

use std::{cell::RefCell, rc::Rc};

use anyhow::{Result, bail};
use crossterm::event::KeyCode;
use zc_test_support::{machine::Machine, session::Session};
use zc_tui::hand_on::{HandOn, Seen};

#[derive(Clone, Default)]
struct Keeper {
    texts: Rc<RefCell<Vec<String>>>,
    fails: bool,
}

impl HandOn for Keeper {
    fn save(&mut self, seen: &Seen<'_>) -> Result<String> {
        if self.fails {
            bail!("no room is left on the device");
        }
        let selected = seen.frame.clone().select(seen.selection).processes.len();
        let order = seen.order.map(|(id, _)| id);
        let text = format!("{selected} {} {order:?}\n{}", seen.typed, seen.screen);
        self.texts.borrow_mut().push(text);
        Ok("saved as there.txt".to_owned())
    }

    fn command(&self, seen: &Seen<'_>) -> String {
        format!("zc top --filter '{}'", seen.typed)
    }
}

fn session(keeper: &Keeper) -> Session {
    let mut session = Session::of(Machine::default()).size(100, 24);
    session.hand_on = Some(Box::new(keeper.clone()));
    session
}

#[test]
fn what_is_seen_is_saved_and_the_screen_says_where() {
    let keeper = Keeper::default();
    let played = session(&keeper).ticks(3).keys("/nginx").key(KeyCode::Enter).keys("w").play();
    assert!(played.text().contains("saved as there.txt"), "{}", played.text());
    let texts = keeper.texts.borrow().clone();
    let (about, screen) = texts[0].split_once('\n').unwrap();
    assert_eq!(about, "1 nginx Some(\"copied_bytes_per_sec\")");
    assert!(screen.lines().count() == 24 && screen.contains("nginx") && !screen.contains("java"));
    let read = session(&keeper).ticks(3).keys("wj").play().text();
    assert!(!read.contains("saved as"), "until the next key: {read}");
}

#[test]
fn what_cannot_be_saved_is_said() {
    let keeper = Keeper { fails: true, ..Keeper::default() };
    let text = session(&keeper).ticks(3).keys("w").play().text();
    assert!(text.contains("no room is left on the device"), "{text}");
    let early = session(&keeper).keys("w").play().text();
    assert!(early.contains("nothing has been counted yet"), "{early}");
    let no_one = Session::of(Machine::default()).ticks(3).keys("w").play().text();
    assert!(!no_one.contains("saved"), "{no_one}");
}

#[test]
fn the_selected_line_is_copied_with_its_headings_and_its_command() {
    let keeper = Keeper::default();
    let filtered = || session(&keeper).ticks(3).keys("/nginx").key(KeyCode::Enter);
    let played = filtered().keys("y").play();
    let text = &played.copied[0];
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("zc  ") && lines[0].contains("lost"), "{text}");
    assert!(lines[2].contains("OF ALL") && lines[2].contains("COPIED"), "{text}");
    assert!(lines[3].contains("nginx"), "{text}");
    assert_eq!(lines[4..], ["", "zc top --filter 'nginx'"], "{text}");
    let said = "copied, if this terminal lets programs do that";
    assert!(played.text().contains(said), "{}", played.text());
    assert!(!filtered().keys("yj").play().text().contains(said), "until the next key");
}

#[test]
fn a_table_with_text_at_its_right_is_copied_without_the_text() {
    let keeper = Keeper::default();
    let played = session(&keeper).size(160, 50).ticks(3).keys("y").play();
    let text = &played.copied[0];
    let screen = played.text();
    let row = screen.lines().find(|line| line.starts_with("«!")).unwrap();
    let inside = row.split(['«', '»']).nth(1).unwrap().trim_end();
    assert!(text.lines().any(|line| line == inside), "{text}\n{screen}");
}

#[test]
fn a_row_of_the_second_table_is_copied_with_the_headings_of_that() {
    let keeper = Keeper::default();
    let played = session(&keeper).size(120, 40).ticks(3).keys("4").key(KeyCode::End).keys("y");
    let played = played.play();
    let lines: Vec<_> = played.copied[0].lines().collect();
    let body: Vec<_> = played.text().lines().map(str::to_owned).collect();
    let row = body.iter().rposition(|line| line.starts_with('«')).unwrap();
    assert_eq!(lines[3].trim(), body[row].trim_matches(['«', '»', ' ']));
    let heads = ["DISK", "INTERFACE", "NETWORK", "MAPPED", "MEMORY", "DEVICE"];
    assert!(heads.iter().any(|head| lines[2].trim().starts_with(head)), "{lines:?}");
    assert!(body[..row].iter().rev().any(|line| line.trim() == lines[2].trim()), "{lines:?}");
}

#[test]
fn a_page_without_rows_is_copied_as_it_is() {
    let keeper = Keeper::default();
    let played = session(&keeper).ticks(3).keys("?y").play();
    let text = &played.copied[0];
    assert!(text.contains("Keys here") && text.contains("zc top --filter"), "{text}");
    let no_one = Session::of(Machine::default()).ticks(3).keys("y").play();
    assert!(no_one.copied.is_empty());
}

#[test]
fn what_is_too_long_for_a_clipboard_is_not_cut() {
    let keeper = Keeper::default();
    let played = session(&keeper).size(250, 80).ticks(3).keys("?y").play();
    let is_short = played.copied.iter().all(|text| text.len() <= 8 * 1024);
    assert!(is_short);
    let said = played.text().contains("too long for the clipboard");
    assert_eq!(said, played.copied.is_empty());
}
