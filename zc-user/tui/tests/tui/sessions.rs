//! Scripted keys and what they lead to.

use std::time::Duration;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MouseEventKind,
};
use zc_test_support::{machine::Machine, session::Session};
use zc_tui::world::{Happening, Input};

fn machine() -> Session {
    Session::of(Machine::default())
}

/// The same with each process by itself, not grouped, after so many snapshots.
fn processes(ticks: usize) -> Session {
    machine().ticks(ticks).keys("g")
}

#[test]
fn q_and_ctrl_c_quit_at_once_wherever_one_is() {
    for keys in ["", "2", "3", "s", "/x"] {
        let session = machine().ticks(2).keys(keys);
        let played = session.press(KeyCode::Char('c'), KeyModifiers::CONTROL).keys("jj").play();
        assert_eq!(played.left, 2, "after '{keys}'");
    }
    assert_eq!(machine().ticks(2).keys("qj").play().left, 1);
    let in_detail = machine().ticks(2).key(KeyCode::Enter).keys("qj").play();
    assert_eq!(in_detail.left, 1);
    assert_eq!(machine().ticks(2).keys("?qqj").play().left, 1, "the first q closes the help");
    assert_eq!(machine().ticks(2).input(Input::Event(Happening::Closed)).keys("j").play().left, 1);
}

#[test]
fn sorting_by_key_and_reversing_it() {
    let by_copied = machine().ticks(3).play().listed();
    assert_eq!(by_copied[..2], ["nginx", "burst"]);
    let reversed = machine().ticks(3).keys("r").play().listed();
    assert_eq!(reversed.last().unwrap(), "nginx");
    let by_moved = machine().ticks(3).keys("sjjjj").key(KeyCode::Enter).play();
    // It is not on a screen of this width: the line of the tabs names it.
    assert!(by_moved.text().contains("sorted by MOVED/s▼"), "{}", by_moved.text());
    let wide = machine().size(130, 24).ticks(3).keys("sjjjj").key(KeyCode::Enter).play().text();
    assert!(wide.contains(" MOVED/s▼") && !wide.contains("sorted by"), "{wide}");
    assert_eq!(by_moved.listed()[0], "java");
    let by_name = machine().ticks(3).keys("s").key(KeyCode::Home).key(KeyCode::Enter).play();
    assert!(by_name.text().contains("COMMAND▲"), "names from A");
    assert_eq!(by_name.listed()[..2], ["burst", "evil"]);
}

#[test]
fn choosing_the_same_column_again_turns_it_around() {
    let twice = machine().ticks(3).keys("s").key(KeyCode::Enter).play();
    assert!(twice.text().contains("COPIED/s▲"));
    let cancelled = machine().ticks(3).keys("sj").key(KeyCode::Esc).play();
    assert!(cancelled.text().contains("COPIED/s▼"));
}

#[test]
fn the_selection_follows_the_process_when_rows_change_places() {
    let first = machine().ticks(3).keys("j");
    assert!(first.play().selected().contains("burst"));
    // In the mean of three intervals burst has overtaken nginx two seconds later.
    let later = machine().ticks(3).keys("j").ticks(2).play();
    assert_eq!(later.listed()[..2], ["burst", "nginx"]);
    assert!(later.selected().contains("burst"));
    let untouched = machine().ticks(4).play();
    assert!(untouched.selected().contains("nginx"));
    let untouched = machine().ticks(5).play();
    assert!(untouched.selected().contains("burst"), "nothing selected: the top row is");
}

#[test]
fn filter_accept_drill_down_and_back() {
    let typed = machine().ticks(3).keys("/postgres");
    assert_eq!(typed.play().listed(), ["postgres"]);
    let detail = machine().ticks(3).keys("/postgres").key(KeyCode::Enter).key(KeyCode::Enter);
    let text = detail.play().text();
    assert!(text.contains("page cache") && text.contains("pid 2077"), "{text}");
    let back = machine().ticks(3).keys("/postgres").key(KeyCode::Enter).key(KeyCode::Enter);
    let back = back.key(KeyCode::Esc);
    assert_eq!(back.play().listed(), ["postgres"], "the filter stays");
    let cleared = machine().ticks(3).keys("/postgres").key(KeyCode::Enter).key(KeyCode::Esc);
    assert_eq!(cleared.play().listed().len(), 6);
}

#[test]
fn escape_while_typing_brings_the_filter_back() {
    assert_eq!(machine().ticks(3).keys("/java").key(KeyCode::Esc).play().listed().len(), 6);
    let edited = machine().ticks(3).keys("/java").key(KeyCode::Enter).keys("/x").key(KeyCode::Esc);
    assert_eq!(edited.play().listed(), ["java"]);
    let edited = machine().ticks(3).keys("/java").key(KeyCode::Enter).keys("/x").key(KeyCode::Esc);
    assert_eq!(edited.key(KeyCode::Esc).play().listed().len(), 6, "the second one clears it");
}

#[test]
fn a_filter_that_makes_no_sense_cannot_be_kept() {
    let text = machine().ticks(3).keys("/pid >").key(KeyCode::Enter).play().text();
    assert!(text.contains("filter: pid >"), "{text}");
}

#[test]
fn a_paused_display_stands_still_while_counting_goes_on() {
    let before = machine().ticks(3).keys(" ").play().text();
    let after = machine().ticks(3).keys(" ").ticks(3).play().text();
    assert_eq!(before, after);
    assert!(before.contains("PAUSED"));
    let thawed = machine().ticks(3).keys(" ").ticks(1).keys(" ").play().text();
    assert_eq!(thawed, machine().ticks(4).play().text(), "nothing was missed");
    let sorted = machine().ticks(3).keys(" r").ticks(3).play();
    assert_eq!(sorted.listed().last().unwrap(), "nginx", "a paused display can be sorted");
}

#[test]
fn views_are_reached_by_digit_tab_and_click() {
    let devices = machine().ticks(2).keys("4").play().text();
    assert!(devices.contains("nvme0n1"));
    let tabs = machine().ticks(2).key(KeyCode::Tab).key(KeyCode::Tab).key(KeyCode::Tab);
    assert_eq!(tabs.play().text(), devices);
    let back_tab = machine().ticks(2).press(KeyCode::BackTab, KeyModifiers::SHIFT);
    assert_eq!(back_tab.play().text(), machine().ticks(2).keys("?").play().text());
    assert_eq!(machine().ticks(2).click(29, 3).play().text(), devices);
    let round = machine().ticks(2).keys("?").key(KeyCode::Esc).play().text();
    assert_eq!(round, machine().ticks(2).play().text());
}

#[test]
fn clicks_select_open_and_sort() {
    assert!(machine().ticks(3).click(10, 7).play().selected().contains("postgres"));
    let opened = machine().ticks(3).click(10, 7).click(10, 7).play().text();
    assert!(opened.contains("pid 2077"));
    let sorted = processes(3).click(6, 4).play();
    assert_eq!(sorted.listed()[0], "burst", "by pid, greatest first");
    let nowhere = machine().ticks(3).click(10, 14).click(200, 200).play().text();
    assert_eq!(nowhere, machine().ticks(3).play().text());
}

#[test]
fn the_wheel_scrolls() {
    let down = processes(3).mouse(MouseEventKind::ScrollDown, 5, 5).play();
    assert!(down.selected().contains("x1,234 sh "), "{}", down.text());
    let moved = machine().ticks(3).mouse(MouseEventKind::Moved, 5, 5).play();
    assert_eq!(moved.text(), machine().ticks(3).play().text());
}

#[test]
fn plus_and_minus_change_the_interval() {
    let played = machine().ticks(3).keys("+").ticks(1).keys("---").ticks(1).play();
    let waits: Vec<u128> = played.waits.iter().flatten().map(Duration::as_millis).collect();
    assert_eq!(waits, [0, 250, 1000, 1000, 2000, 2000, 1000, 500, 250, 250]);
    assert!(played.text().lines().next().unwrap().ends_with("250 ms"));
    let bounds = machine().ticks(3).keys("++++++++++").play().text();
    assert!(bounds.lines().next().unwrap().ends_with("60 s"));
}

#[test]
fn the_help_scrolls_to_its_end() {
    let text = machine().ticks(2).keys("??G").play().text();
    assert!(text.contains("The file that it is in."), "{text}");
    assert!(!text.contains("more lines"));
    assert_eq!(
        machine().ticks(2).keys("?G").key(KeyCode::Home).play().text(),
        machine().ticks(2).keys("?").play().text()
    );
    assert_eq!(
        machine().ticks(2).keys("?Gjjjjk").play().text(),
        machine().ticks(2).keys("?Gk").play().text()
    );
}

#[test]
fn suspending_returns_to_the_same_screen() {
    let ctrl_z = machine().ticks(2).press(KeyCode::Char('z'), KeyModifiers::CONTROL);
    let played = ctrl_z
        .input(Input::Event(Happening::Suspend))
        .input(Input::Event(Happening::Resume))
        .play();
    assert_eq!(played.suspended, 2);
    assert_eq!(played.text(), machine().ticks(2).play().text());
}

#[test]
fn a_resize_keeps_the_selection_in_sight() {
    let played = machine()
        .ticks(3)
        .keys("G")
        .input(Input::Event(Happening::Terminal(Event::Resize(80, 9))))
        .play();
    assert!(played.selected().contains("java"), "{}", played.text());
}

#[test]
fn releases_of_keys_are_not_presses() {
    let release = KeyEvent {
        code: KeyCode::Char('q'),
        modifiers: KeyModifiers::NONE,
        kind: KeyEventKind::Release,
        state: KeyEventState::NONE,
    };
    let played = machine()
        .ticks(2)
        .input(Input::Event(Happening::Terminal(Event::Key(release))))
        .keys("j")
        .play();
    assert_eq!(played.left, 0);
}

#[test]
fn the_sort_menu_lists_each_column_once() {
    let menu = machine().size(120, 40).ticks(3).keys("s").play().text();
    assert!(menu.contains(" Sort by "), "{menu}");
    assert!(!menu.contains("each of the last intervals"), "{menu}");
    // What is chosen there is what is sorted by.
    let played = machine().size(120, 40).ticks(3).keys("gs").key(KeyCode::Home);
    let played = played.key(KeyCode::Enter).play().text();
    assert!(played.contains("PID▼"), "{played}");
}

#[test]
fn a_terminal_may_have_shrunk_before_it_says_so() {
    for page in ["", "2", "3", "4", "5", "6", "7", "?", "i", "s", "/n"] {
        for size in [(33, 9), (40, 10), (12, 3), (200, 8)] {
            let mut session = machine().size(120, 40).ticks(3).keys(page);
            session.shrinks = Some((5, size));
            let played = session.keys("jwy").ticks(2).keys("jj").play();
            assert_eq!(played.screen.area.as_size(), size.into(), "after {page}");
        }
    }
}
