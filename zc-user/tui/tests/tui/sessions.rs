//! Scripted keys and what they lead to.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyEventState, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};
use ratatui::{buffer::Buffer, layout::Rect};
use zc_common::loss::Loss;
use zc_model::{
    column::Processes,
    filter::Filter,
    snapshot::Snapshot,
    sort::Direction,
    source::{Interrupted, SnapshotSource},
};
use zc_render::theme::Theme;
use zc_tui::{
    action::{Edit, Motion},
    keymap::{ACTIONS, Key},
    shell::{
        Effect, Shell, dashboard,
        keys::{ALWAYS, Action, EDITING, LINE, MENU, MOVING, NOW, PAGE, TIME},
    },
    state::checks::Checks,
    world::{Happening, Input},
};

use zc_test_support::{machine::Machine, session::Session};

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
fn a_recording_is_called_one_and_says_of_when_it_is() {
    let played = machine().recorded().ticks(3).play().text();
    let first = played.lines().next().unwrap();
    assert!(first.ends_with(" REPLAY » 22:13:22 UTC"), "{first}");
    let live = machine().ticks(3).play().text();
    let first = live.lines().next().unwrap();
    assert!(first.ends_with(" 1 s") && !first.contains("REPLAY"), "{first}");
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
fn a_process_that_ends_while_one_looks_at_it_stays_on_the_screen() {
    let mut snapshots: Vec<Snapshot> = (0..4).map(|s| Machine::default().after(s)).collect();
    snapshots[3].processes.retain(|process| &*process.comm != "nginx");
    let played = Session::playing(snapshots.clone()).ticks(3).key(KeyCode::Enter).ticks(1).play();
    let text = played.text();
    assert!(text.contains("has ended") && text.contains("pid 811"), "{text}");
    assert!(text.contains("reads files and sends them"), "{text}");
    let alive = Session::playing(snapshots).ticks(3).key(KeyCode::Enter).play().text();
    assert!(!alive.contains("has ended"));
}

#[test]
fn the_end_of_a_process_that_was_asked_for_is_said() {
    let mut snapshots: Vec<Snapshot> = (0..4).map(|s| Machine::default().after(s)).collect();
    let nginx = snapshots[3].processes.iter_mut().find(|process| process.id.pid == 811).unwrap();
    let nginx = Arc::make_mut(nginx);
    nginx.exited = true;
    let watched = vec![nginx.id];
    let text = |ticks: usize| {
        let mut session = Session::playing(snapshots.clone());
        session.filter = Filter { followed: true, watched: watched.clone(), ..Filter::default() };
        session.ticks(ticks).play().text()
    };
    assert!(!text(3).contains("has ended"));
    let ended = text(4);
    assert!(ended.contains("nginx (811) has ended"), "{ended}");
    assert!(ended.contains("java"), "the dashboard goes on: {ended}");
}

#[test]
fn what_threads_did_without_a_slot_is_shown_with_a_filter_too() {
    let text = |lost| {
        let machine = Machine { lost, ..Machine::default() };
        Session::of(machine).ticks(3).keys("/nginx").key(KeyCode::Enter).play().text()
    };
    assert!(!text(0).contains("(unattributed)"));
    assert!(text(1).contains("(unattributed)"), "{}", text(1));
}

#[test]
fn losses_on_the_machine_are_not_lost_to_what_is_followed() {
    let mut snapshots: Vec<Snapshot> = (0..3).map(|s| Machine::default().after(s)).collect();
    snapshots[2].losses[Loss::ProbeRecursions] = 350;
    let session = |followed| {
        let mut session = Session::playing(snapshots.clone());
        session.filter = Filter { followed, ..Filter::default() };
        session.ticks(3)
    };
    assert!(session(false).play().text().contains("lost 350"));
    let text = session(true).play().text();
    assert!(!text.contains("350"), "{text}");
    let doctor = session(true).keys("6").play().text();
    assert!(doctor.contains(" 350   probe_recursions"), "{doctor}");
    let words: Vec<_> = doctor.split_whitespace().collect();
    assert!(words.join(" ").contains("On this machine, of any process."), "{doctor}");
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
fn each_action_that_can_have_other_keys_has_one_in_a_table() {
    let mut session = shell_in(&PLACES[0]);
    let known: Vec<_> =
        [PAGE, MOVING, ALWAYS].into_iter().flatten().flat_map(|it| it.key.chords).collect();
    for (name, own, _) in ACTIONS {
        assert!(known.contains(&own) || session.press(*own).is_some(), "{name}");
    }
}

#[test]
fn what_the_command_line_narrowed_stays_narrowed() {
    let mut session = machine().ticks(3);
    session.filter = Filter { pids: vec![811], ..Filter::default() };
    assert_eq!(session.key(KeyCode::Esc).play().listed(), ["nginx"]);
}

#[test]
fn the_screen_says_that_others_are_not_followed() {
    let mut session = machine().ticks(3);
    session.filter = Filter { followed: true, ..Filter::default() };
    let text = session.size(160, 50).play().text();
    assert!(text.contains(" of followed processes"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("machine ")), "{text}");
    let mut session = processes(3);
    session.filter = Filter { followed: true, ..Filter::default() };
    let text = session.play().text();
    assert!(text.contains(" 7 followed processes"), "{text}");
    for (page, whose) in [("2", " of followed processes"), ("4", " of the whole machine")] {
        let mut session = machine().ticks(3).keys(page);
        session.filter = Filter { followed: true, ..Filter::default() };
        let text = session.play().text();
        assert!(text.lines().nth(3).is_some_and(|tabs| tabs.trim_end().ends_with(whose)), "{text}");
    }
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
fn the_end_of_a_recording_keeps_the_last_frame() {
    let snapshots: Vec<Snapshot> = (0..3).map(|s| Machine::default().after(s)).collect();
    let played = Session::playing(snapshots).ticks(4).keys("j").play();
    assert_eq!(played.waits.last(), Some(&None), "no more ticks");
    assert!(played.text().contains(" END ") && played.listed().contains(&"nginx".to_owned()));
}

#[test]
fn a_recording_of_one_snapshot_shows_what_was_counted_so_far() {
    let played = Session::playing(vec![Machine::default().after(2)]).ticks(2).play();
    assert_eq!(played.listed()[0], "nginx");
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
fn every_size_is_drawn_without_panic() {
    let sizes = || [0, 1, 8, 13, 31, 32, 40, 59, 74, 80, 160];
    for place in PLACES {
        let mut shell = shell_in(place);
        if place.0 == "Filter" {
            for c in "pid >".chars() {
                shell.update(Action::Edit(Edit::Insert(c)));
            }
        }
        for width in sizes() {
            for height in sizes() {
                let area = Rect::new(0, 0, width, height);
                shell.resize(area);
                shell.update(Action::Move(Motion::PageDown));
                shell.draw(area, &mut Buffer::empty(area));
            }
        }
        shell.resize(Rect::new(0, 0, 80, 24));
        for (column, row) in sizes().into_iter().flat_map(|x| sizes().map(|y| (x, y))) {
            let kind = MouseEventKind::Down(MouseButton::Left);
            let modifiers = KeyModifiers::NONE;
            shell.handle(&Event::Mouse(MouseEvent { kind, column, row, modifiers }));
        }
    }
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

struct Failing(u32);

impl SnapshotSource for Failing {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        self.0 += 1;
        match self.0 {
            3 => bail!("cannot read the counters: \x1b[31mmap is gone"),
            n => Ok(Some(Machine::default().after(n.into()))),
        }
    }
}

#[test]
fn a_source_that_fails_is_shown_and_tried_again() {
    let failed = Session::from(Box::new(Failing(0))).ticks(3).play();
    assert!(failed.text().contains("cannot read the counters: \\u{1b}"), "{}", failed.text());
    assert!(failed.listed().contains(&"nginx".to_owned()), "the last frame stays");
    let recovered = Session::from(Box::new(Failing(0))).ticks(4).play();
    assert!(!recovered.text().contains("cannot read"));
}

/// A server that starts again between its second and its third snapshot.
struct Restarting(u32);

impl SnapshotSource for Restarting {
    fn next(&mut self) -> Result<Option<Snapshot>> {
        self.0 += 1;
        match self.0 {
            3 => {
                Err(Interrupted { why: "it has started again".to_owned(), begins_again: true }
                    .into())
            }
            n => Ok(Some(Machine::default().after(if n < 3 { n.into() } else { 1 }))),
        }
    }
}

#[test]
fn what_was_counted_before_a_restart_is_no_baseline() {
    let played = |ticks| Session::from(Box::new(Restarting(0))).ticks(ticks).play();
    let rows = |ticks| played(ticks).text().lines().skip(5).map(str::to_owned).collect::<Vec<_>>();
    assert!(played(3).text().contains("it has started again"));
    // The first snapshot of the second run has no interval: what was shown before stays.
    assert_eq!(rows(4), rows(2));
}

#[test]
fn hostile_names_leave_nothing_on_the_screen_that_a_terminal_would_obey() {
    for keys in ["", "?", "/evil"] {
        let mut session = machine().size(160, 50).ticks(3).keys(keys);
        if keys.starts_with('/') {
            session = session.key(KeyCode::Enter).key(KeyCode::Enter);
        }
        let played = session.play();
        for cell in &played.screen.content {
            let hostile = |c: char| {
                c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            };
            assert!(!cell.symbol().contains(hostile), "{:?} after '{keys}'", cell.symbol());
        }
        // Visible, not just swallowed: the name is what it says it is.
        let shown = match keys {
            "/evil" => "\nevil\\u{1b}[2J\\u{202e}\\r\\n\\t  pid 4 ",
            "" => " evil\\u{1b}[2J\\u{2",
            _ => "",
        };
        assert!(played.text().contains(shown), "{}", played.text());
    }
}

/// Where a user may be, and how to get there.
const PLACES: &[(&str, &[Action])] = &[
    ("Who", &[]),
    ("Process", &[]),
    ("Paths", &[Action::Show(1)]),
    ("Files", &[Action::Show(2)]),
    ("Devices", &[Action::Show(3)]),
    ("Code", &[Action::Show(4)]),
    ("Doctor", &[Action::Show(5)]),
    ("Help", &[Action::ToggleHelp]),
    ("Sort menu", &[Action::ChooseSort]),
    ("Filter", &[Action::EditFilter]),
];

/// A dashboard with two snapshots, after these actions.
fn shell_at(place: &[Action]) -> Shell<'static> {
    let column = Processes::COPIED_BYTES_PER_SEC;
    let sort = (column, Direction::Descending);
    let theme = Theme::new(true, true);
    let mut shell = dashboard(
        theme,
        Duration::from_secs(1),
        Filter::default(),
        sort,
        None,
        Checks::default(),
        None,
    )
    .with_past(true)
    .handing_on(true);
    shell.resize(Rect::new(0, 0, 80, 24));
    for seconds in 0..2 {
        shell.receive(Ok(Some(Machine::default().after(seconds))));
    }
    shell.update(Action::SetBaseline);
    for action in place {
        shell.update(*action);
    }
    shell
}

/// A dashboard in the place of this name.
fn shell_in((name, path): &(&str, &[Action])) -> Shell<'static> {
    let mut shell = shell_at(path);
    if *name == "Process" {
        shell.handle(&press(KeyCode::Enter, KeyModifiers::NONE));
    }
    let here = shell.top().title();
    assert!(here == *name || here == "Who" && ["Sort menu", "Filter"].contains(name));
    shell
}

fn press(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

#[test]
fn every_key_of_every_table_is_handled_and_in_the_help() {
    let help: String = ["?", "??"]
        .map(|keys| {
            let mut session = machine().size(80, 400).ticks(2).keys(keys);
            session.theme = Theme::new(false, false);
            session.play().text()
        })
        .concat();
    let mut seen: Vec<&Key> = Vec::new();
    for place in PLACES {
        for key in shell_in(place).keys() {
            seen.push(key);
            for chord in key.chords {
                let effect = shell_in(place).handle(&press(chord.code, chord.modifiers));
                assert!(effect.is_some(), "{} in {place:?}", key.shown);
            }
        }
    }
    let tables = [TIME, NOW, PAGE, MOVING, ALWAYS, LINE, EDITING, MENU].into_iter().flatten();
    let tabs = 7;
    for binding in tables.filter(|row| !matches!(row.action, Action::Show(tab) if tab >= tabs)) {
        assert!(seen.contains(&&binding.key), "{:?} means nothing anywhere", binding.key);
    }
    for key in seen {
        let is_line = |line: &str| {
            let rest = line.trim().strip_prefix(key.shown);
            // What digits show, the pages say.
            rest.is_some_and(|rest| key.help.is_empty() || rest.trim() == key.help)
        };
        let (shown, meaning) = (key.shown, key.help);
        assert!(help.lines().any(is_line), "not in the help: {shown} {meaning}");
    }
}

#[test]
fn no_key_has_two_meanings() {
    for place in PLACES {
        let mut chords = Vec::new();
        for chord in shell_in(place).keys().iter().flat_map(|key| key.chords) {
            assert!(!chords.contains(&chord), "{chord:?} in {place:?}");
            chords.push(chord);
        }
    }
}

#[test]
fn a_key_that_means_nothing_here_does_nothing() {
    for (place, code) in [(0, KeyCode::Char('x')), (0, KeyCode::Char('9')), (7, KeyCode::Enter)] {
        let effect = shell_in(&PLACES[place]).handle(&press(code, KeyModifiers::NONE));
        assert_eq!(effect, None, "{code:?}");
    }
    let ctrl_c = shell_in(&PLACES[0]).handle(&press(KeyCode::Char('c'), KeyModifiers::CONTROL));
    assert_eq!(ctrl_c, Some(Effect::Interrupt));
}

#[test]
fn the_footer_names_only_keys_that_work_here() {
    for place in PLACES {
        let shell = shell_in(place);
        let keys = shell.keys();
        for hint in shell.hints() {
            for name in hint.key.split('/').filter(|name| !name.is_empty()) {
                let here = keys.iter().any(|key| key.shown.split(' ').any(|shown| shown == name));
                assert!(here, "{name} {} in {place:?}", hint.word);
            }
        }
    }
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
fn what_the_command_line_says_is_obeyed_and_named() {
    let mut narrowed = machine();
    narrowed.filter.comms = vec!["nginx".into(), "java".into()];
    let text = narrowed.size(120, 30).ticks(3).play().text();
    assert!(text.contains("by command (g) 2, filter: comm = nginx,java"), "{text}");
    let mut narrowed = machine();
    narrowed.filter.comms = vec!["nginx".into(), "java".into()];
    let text = narrowed.size(120, 30).ticks(3).keys("g").play().text();
    assert!(text.contains("2 of 7 processes, filter: comm = nginx,java"), "{text}");
    let mut few = machine().size(120, 30);
    few.top = Some(2);
    let few = few.ticks(3).play();
    assert_eq!(few.listed(), ["nginx", "burst"]);
    assert!(few.text().contains("by command (g) 2 of 6, --top 2"), "{}", few.text());
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
