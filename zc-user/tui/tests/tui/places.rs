//! Where a user may be, and the keys there.

use std::sync::LazyLock;

use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::buffer::Buffer;
use zc_render::theme::Theme;
use zc_test_support::{cells::is_whole, machine::Machine, session::Session, stage::Stage};
use zc_tui::{
    keymap::{ACTIONS, Chord, Hint, Key, chr, ctrl, key},
    shell::{
        Effect, Mode,
        keys::{ALWAYS, Action, EDITING, LINE, MENU, MOVING, NOW, PAGE, PAST, PROMPT, TIME},
    },
};

use crate::world;

/// Where a user may be.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    /// The page that has the keys there.
    pub(crate) page: &'static str,
    /// The keys that lead there from the first screen; a new line is Enter.
    pub(crate) keys: &'static str,
    /// Those that lead there from the place before this one.
    pub(crate) step: &'static str,
}

const fn at(
    name: &'static str,
    page: &'static str,
    keys: &'static str,
    step: &'static str,
) -> Place {
    Place { name, page, keys, step }
}

/// All pages, and what can be chosen on them.
pub(crate) const PLACES: &[Place] = &[
    at("who by command", "Who", "", ""),
    at("who unfolded", "Who", "e", "e"),
    at("who in a group", "Who", "\n", "e\n"),
    at("group", "Group", "i", "\u{1b}i"),
    at("who by process", "Who", "g", "\u{1b}g"),
    at("process, flow", "Process", "g\n", "\n"),
    at("process, files", "Process", "g\nn", "n"),
    at("process, threads", "Process", "g\nnn", "n"),
    at("process, code", "Process", "g\nnnn", "n"),
    at("process, history", "Process", "g\nnnnn", "n"),
    at("process, counters", "Process", "g\nx", "x"),
    at("who by container", "Who", "gg", "\u{1b}g"),
    at("who by user", "Who", "ggg", "g"),
    at("who by parent", "Who", "gggg", "g"),
    at("who by path", "Who", "ggggg", "g"),
    at("paths", "Paths", "2", "2"),
    at("users of a path", "Path users", "2\n", "\n"),
    at("files and peers", "Files", "3", "3"),
    at("files", "Files", "3p", "p"),
    at("peers", "Files", "3pp", "p"),
    at("flows", "Files", "3ppp", "p"),
    at("devices", "Devices", "4", "4"),
    at("users of disks", "Disk users", "4\n", "\n"),
    at("users of the network", "Network users", "4G\n", "\u{1b}G\n"),
    at("code", "Code", "5", "5"),
    at("stack", "Stack", "5\n", "\n"),
    at("copies in user space", "Code", "5p", "\u{1b}p"),
    at("doctor", "Doctor", "6", "6"),
    at("help", "Help", "?", "?"),
    at("help on all", "Help", "??", "?"),
];

/// What a place may be like: a name, the keys before those of the place, and those after them.
type State = (&'static str, &'static str, &'static str);

const LIVE: State = ("live", "", "");
const STATES: &[State] = &[
    LIVE,
    ("paused", " ", ""),
    ("past", ",,,", ""),
    ("menu", "", "s"),
    ("filter", "", "/co←"),
    ("moment", "", "@9s←"),
    ("mark", "", "mone two←"),
];

/// A screen that has room for a page, one that has room for a part of it, and one that has room for none.
const ROOM: (u16, u16) = (80, 24);
const LITTLE: (u16, u16) = (80, 12);
const NONE: (u16, u16) = (20, 5);

/// The dashboard in such a place; `None` where there is no such state. There are marks,
/// losses, a baseline and a filter of before.
fn stage(place: &Place, (state, before, after): &State) -> Option<Stage> {
    let machine = Machine { lost: 17, ..Machine::default() };
    let mark = |session: Session| session.keys("mdeploy").key(KeyCode::Enter);
    // On a small screen all this takes less time.
    let session = mark(world::session(machine, 5).size(NONE.0, NONE.1).ticks(2));
    let mut stage = mark(session.ticks(1).keys("b").ticks(3)).ticks(1).stage();
    stage.keys("/java\n\u{1b}");
    for key in before.chars() {
        stage.keys(key.encode_utf8(&mut [0; 4]));
        stage.arrive();
    }
    stage.resize(ROOM.0, ROOM.1);
    stage.keys(place.keys);
    assert_eq!(stage.shell.top().title(), place.page, "{}, {state}", place.name);
    stage.keys(after);
    (after.is_empty() || stage.shell.mode() != Mode::Page).then_some(stage)
}

/// The first place of each page: keys in what lies over a page are the same on all of them.
fn is_first(place: &Place) -> bool {
    PLACES.iter().find(|other| other.page == place.page).is_some_and(|it| it.name == place.name)
}

/// Whether a key goes elsewhere in time, which takes more than the dashboard itself.
fn travels(chord: Chord) -> bool {
    let mut tables = [PAST, TIME].into_iter().flatten();
    tables.any(|row| row.key.chords.contains(&chord)) || chord == key(KeyCode::Enter)
}

/// Whether the key does something that is seen; more than the screen shows is asked of the terminal.
fn does_something(stage: &mut Stage, chord: Chord, before: &mut Buffer) -> bool {
    let effect = stage.press(chord);
    if travels(chord) {
        stage.arrive();
    }
    let now = stage.drawn();
    let is_seen = now != *before || effect.is_some_and(|effect| effect != Effect::None);
    *before = now;
    is_seen
}

/// The same after these keys, on a screen of this size.
const BEFORE: &[((u16, u16), &str)] =
    &[(ROOM, ""), (ROOM, "jj"), (ROOM, "/n\n"), (LITTLE, ""), (LITTLE, "jj")];

fn does_something_somewhere(page: &str, state: &State, chord: Chord) -> bool {
    let mut places = PLACES.iter().filter(|place| place.page == page);
    places.any(|place| {
        BEFORE.iter().any(|(size, keys)| {
            let Some(mut stage) = stage(place, state) else { return false };
            stage.resize(size.0, size.1);
            if stage.shell.mode() == Mode::Page {
                stage.keys(keys);
            }
            let mut before = stage.drawn();
            does_something(&mut stage, chord, &mut before)
        })
    })
}

/// Presses each key of each place in this state, and names those that do nothing on any place of their page.
fn press_all(state: &State) {
    let mut does: Vec<(&str, &Key, bool)> = Vec::new();
    for place in PLACES.iter().filter(|place| *state == LIVE || is_first(place)) {
        let Some(mut now) = stage(place, state) else { continue };
        let (keys, mut before) = (now.shell.keys(), now.drawn());
        // The digit of the page that is on the screen leads there.
        let own =
            place.keys.get(..1).filter(|first| first.as_bytes()[0].is_ascii_digit()).unwrap_or("1");
        for key in keys.iter().filter(|key| !key.help.is_empty() || key.shown != own) {
            let row = match does.iter().position(|row| row.0 == place.page && row.1 == *key) {
                Some(row) => row,
                None => {
                    does.push((place.page, *key, false));
                    does.len() - 1
                }
            };
            for chord in key.chords {
                // Where a key has led elsewhere, the next one is pressed on a new dashboard.
                if now.shell.keys() != keys || now.shell.top().title() != place.page {
                    now = stage(place, state).unwrap();
                    before = now.drawn();
                }
                does[row].2 |= does_something(&mut now, *chord, &mut before);
            }
        }
    }
    does.retain(|(page, key, is_seen)| {
        !is_seen && !key.chords.iter().any(|chord| does_something_somewhere(page, state, *chord))
    });
    let idle: Vec<_> = does.iter().map(|row| (row.0, row.1.shown)).collect();
    assert!(idle.is_empty(), "{}: keys that do nothing: {idle:?}", state.0);
}

#[test]
fn every_key_does_something_live() {
    press_all(&LIVE);
}

#[test]
fn every_key_does_something_while_it_is_paused() {
    press_all(&STATES[1]);
}

#[test]
fn every_key_does_something_in_the_past() {
    press_all(&STATES[2]);
}

#[test]
fn every_key_does_something_over_a_page() {
    STATES[3..].iter().for_each(press_all);
}

#[test]
fn every_key_can_be_pressed_on_a_screen_without_room() {
    for state in STATES {
        for place in PLACES.iter().filter(|place| state.2.is_empty() || is_first(place)) {
            let Some(mut stage) = stage(place, state) else { continue };
            stage.resize(NONE.0, NONE.1);
            for chord in stage.shell.keys().iter().flat_map(|key| key.chords) {
                stage.press(*chord);
                is_whole(&stage.drawn(), &format!("{chord:?} in {}", place.name));
            }
        }
    }
}

#[test]
fn each_action_that_can_have_other_keys_has_one_in_a_table() {
    let mut stage = stage(&PLACES[0], &LIVE).unwrap();
    let known: Vec<_> =
        [PAGE, MOVING, ALWAYS].into_iter().flatten().flat_map(|it| it.key.chords).collect();
    for (name, own, _) in ACTIONS {
        assert!(known.contains(&own) || stage.press(*own).is_some(), "{name}");
    }
}

#[test]
fn every_size_is_drawn_without_panic() {
    let sizes = || [0, 1, 8, 13, 31, 32, 40, 59, 74, 80, 160];
    for place in PLACES.iter().filter(|place| is_first(place)) {
        // A moment that stands still has the same sizes.
        for state in STATES.iter().filter(|state| state.1.is_empty()) {
            let Some(mut stage) = stage(place, state) else { continue };
            for width in sizes() {
                for height in sizes() {
                    stage.resize(width, height);
                    stage.press(key(KeyCode::PageDown));
                    let _ = stage.drawn();
                }
            }
            stage.resize(80, 24);
            for (column, row) in sizes().into_iter().flat_map(|x| sizes().map(|y| (x, y))) {
                let kind = MouseEventKind::Down(MouseButton::Left);
                let modifiers = KeyModifiers::NONE;
                stage.shell.handle(&Event::Mouse(MouseEvent { kind, column, row, modifiers }));
            }
        }
    }
}

/// What the dashboard says of its keys somewhere.
struct Said {
    place: String,
    keys: Vec<&'static Key>,
    hints: Vec<Hint>,
}

/// The same of each place and state.
static SAID: LazyLock<Vec<Said>> = LazyLock::new(|| {
    let all = PLACES.iter().flat_map(|place| STATES.iter().map(move |state| (place, state)));
    let said = |(place, state): (&Place, &State)| {
        let shell = stage(place, state)?.shell;
        let place = format!("{}, {}", place.name, state.0);
        Some(Said { place, keys: shell.keys(), hints: shell.hints() })
    };
    all.filter_map(said).collect()
});

#[test]
fn every_key_of_every_table_means_something_somewhere_and_is_in_the_help() {
    let help: String = ["?", "??"]
        .map(|keys| {
            let session = Session::of(Machine::default()).size(80, 400).ticks(2).keys(keys);
            session.theme(Theme::new(false, false)).play().text()
        })
        .concat();
    let seen: Vec<_> = SAID.iter().flat_map(|said| &said.keys).collect();
    let tables = [TIME, NOW, PAST, PAGE, MOVING, ALWAYS, LINE, PROMPT, EDITING, MENU];
    let tabs = 7;
    for binding in tables.into_iter().flatten() {
        let is_beyond = matches!(binding.action, Action::Show(tab) if tab >= tabs);
        assert!(is_beyond || seen.contains(&&&binding.key), "{:?} means nothing", binding.key);
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
    for Said { place, keys, .. } in &*SAID {
        let mut chords = Vec::new();
        for chord in keys.iter().flat_map(|key| key.chords) {
            assert!(!chords.contains(&chord), "{chord:?} in {place}");
            chords.push(chord);
        }
    }
}

#[test]
fn a_key_that_means_nothing_here_does_nothing() {
    let pressed = |name: &str, code| {
        let place = PLACES.iter().find(|place| place.name == name).unwrap();
        stage(place, &LIVE).unwrap().press(code)
    };
    assert_eq!(pressed("who by command", chr('x')), None);
    assert_eq!(pressed("who by command", chr('9')), None);
    assert_eq!(pressed("help", key(KeyCode::Enter)), None);
    assert_eq!(pressed("who by command", ctrl('c')), Some(Effect::Interrupt));
}

#[test]
fn the_footer_names_only_keys_that_work_here() {
    for Said { place, keys, hints } in &*SAID {
        for hint in hints {
            for name in hint.key.split('/').filter(|name| !name.is_empty()) {
                let here = keys.iter().any(|key| key.shown.split(' ').any(|shown| shown == name));
                assert!(here, "{name} {} in {place}", hint.word);
            }
        }
    }
}
