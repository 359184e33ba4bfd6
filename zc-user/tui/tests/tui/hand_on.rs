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

    fn command(&self, _seen: &Seen<'_>) -> String {
        String::new()
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
