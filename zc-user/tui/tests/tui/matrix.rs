//! Whole screens of all pages: each size, number of rows and state is checked, and what people look at is kept.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range};

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ratatui::buffer::Buffer;
use zc_model::snapshot::Provenance;
use zc_test_support::{
    cells::is_whole,
    machine::Machine,
    session::{Session, text},
    stage::Stage,
};
use zc_tui::keymap::key;

use crate::{
    places::{PLACES, Place},
    world,
};

/// The sizes that screens are looked at in, and others between them.
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (160, 50), (20, 5)];
const ODD_SIZES: [(u16, u16); 4] = [(33, 9), (60, 14), (141, 12), (200, 60)];

const MANY: u64 = 10_000;

/// What the dashboard is like: a name, the machine, and what is done before the pages are gone through.
struct State {
    name: &'static str,
    machine: Machine,
    /// Keys before the last snapshot, and after it.
    keys: [&'static str; 2],
}

fn states() -> Vec<State> {
    let measured = Machine::default();
    let modelled = Machine { copies: Provenance::Modelled, ..measured };
    let lossy = Machine { lost: 17, ..measured };
    let state = |name, machine, keys| State { name, machine, keys };
    vec![
        state("measured", measured, ["", ""]),
        state("modelled", modelled, ["", ""]),
        state("lossy", lossy, ["", ""]),
        state("paused", measured, [" ", ""]),
        state("past", measured, ["", ",,"]),
        state("baseline", measured, ["b", ""]),
        state("filter", measured, ["", "/nginx\n"]),
    ]
}

impl State {
    fn stage(&self, rows: u64) -> Stage {
        let [before, after] = self.keys;
        let ticks = if rows > 5 { 2 } else { 4 };
        let typed = |session: Session, keys: &str| {
            keys.chars().fold(session, |session, c| match c {
                '\n' => session.key(KeyCode::Enter),
                c => session.keys(c.encode_utf8(&mut [0; 4])),
            })
        };
        let session = typed(world::session(self.machine, rows).ticks(ticks), before);
        typed(session.ticks(1), after).stage()
    }
}

/// Screens by the page they are of.
type Kept = BTreeMap<&'static str, String>;

/// Goes through these places, of which none needs those before the first, checks each screen in these sizes, and keeps
/// some.
fn walk(state: &State, rows: u64, sizes: &[(u16, u16)], places: Range<usize>) -> Kept {
    let mut kept = Kept::new();
    let mut stage = state.stage(rows);
    for place in &PLACES[places] {
        let is_first = is_first(place);
        stage.resize(SIZES[0].0, SIZES[0].1);
        stage.keys(place.step);
        // Without rows there is nothing to open.
        if rows > 0 {
            assert_eq!(stage.shell.top().title(), place.page, "{}", place.name);
        }
        for size in sizes {
            // Thousands of rows take a while in a test: what differs by the place is not the size.
            if rows > 5 && *size != SIZES[0] && !is_first {
                continue;
            }
            let (width, height) = *size;
            let head = format!("{}, {rows} rows, {width}x{height}", state.name);
            stage.resize(width, height);
            let screen = stage.drawn();
            let what = format!("{}, {head}", place.name);
            is_sound(&screen, &what);
            if rows > 0 && has_room(*size) {
                is_placed(&text(&screen), has_list(place), &what);
            }
            // All sizes of a page in the usual state; the usual size of its other places, and of other states.
            let is_usual = state.name == "measured";
            let is_kept = match *size == SIZES[0] {
                true => is_usual || is_first && rows == 5,
                false => is_usual && is_first && SIZES.contains(size),
            };
            if is_kept {
                let page = kept.entry(place.page).or_default();
                write!(page, "== {what}\n{}", folded(&text(&screen))).unwrap();
            }
        }
        if has_list(place) && rows > 0 && (rows == 5 || is_first) {
            ends_are_reached(&mut stage, place);
        }
    }
    kept
}

/// The screen, with a line for many that are empty.
fn folded(text: &str) -> String {
    let mut folded = String::new();
    for lines in
        text.lines().collect::<Vec<_>>().chunk_by(|one, other| one.is_empty() && other.is_empty())
    {
        match lines {
            [line] => writeln!(folded, "{line}").unwrap(),
            _ => writeln!(folded, "({} empty lines)", lines.len()).unwrap(),
        }
    }
    folded
}

fn is_first(place: &Place) -> bool {
    let first = PLACES.iter().find(|other| other.page == place.page).unwrap();
    first.name == place.name
}

fn has_room((width, height): (u16, u16)) -> bool {
    width >= 60 && height >= 14
}

/// Whether there are rows, one of which is selected. Copies in user space are not looked for here.
fn has_list(place: &Place) -> bool {
    let is_text = ["Group", "Process", "Stack", "Doctor", "Help"].contains(&place.page);
    !is_text && place.name != "copies in user space"
}

/// Nothing that is half, nothing that a terminal obeys, and something to read.
fn is_sound(screen: &Buffer, what: &str) {
    is_whole(screen, what);
    let hostile =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
    for cell in &screen.content {
        assert!(!cell.symbol().contains(hostile), "{what}: {:?}", cell.symbol());
    }
    assert!(screen.content.iter().any(|cell| cell.symbol() != " "), "{what}: it is blank");
}

/// The line of the tabs, and those below it.
fn body(text: &str) -> (&str, impl Iterator<Item = &str>) {
    let mut lines = text.lines().skip_while(|line| !line.contains('«') || !line.contains('?'));
    (lines.next().unwrap_or_default(), lines)
}

/// The first row on the screen, the last one, and how many there are: `1-12 of 10,000`.
fn position(text: &str) -> Option<[usize; 3]> {
    let words: Vec<_> = body(text).0.split_whitespace().collect();
    let number = |word: &str| word.trim_end_matches(',').replace(',', "").parse().ok();
    words.windows(3).find_map(|words| {
        let (first, last) = words[0].split_once('-')?;
        (words[1] == "of").then_some(())?;
        Some([number(first)?, number(last)?, number(words[2])?])
    })
}

/// The lines of a list, without what is no row: what sums up the rest, and what is at its right and below it.
fn listed(text: &str) -> usize {
    let lines = body(text).1.skip_while(|line| !line.contains(['▼', '▲'])).skip(1);
    let rows = lines.map(|line| line.split('│').next().unwrap_or_default());
    rows.take_while(|row| !row.starts_with(['─', 'q']) && !row.trim().is_empty())
        .filter(|row| !row.contains(" more ") && !row.contains("(unattributed)"))
        .count()
}

/// A row is selected, and the position is that of the rows on the screen.
fn is_placed(text: &str, has_list: bool, what: &str) {
    if !has_list || text.contains("that matches the filter") {
        return;
    }
    let selected = body(text).1.filter(|line| line.contains('«')).count();
    assert_eq!(selected, 1, "{what}: selected lines\n{text}");
    if let Some([first, last, all]) = position(text) {
        assert!(1 <= first && first <= last && last <= all, "{what}: {first}-{last} of {all}");
        assert_eq!(last + 1 - first, listed(text), "{what}: rows\n{text}");
    }
}

/// The last row is on the screen when it is gone to, and the first one again.
fn ends_are_reached(stage: &mut Stage, place: &Place) {
    stage.resize(SIZES[0].0, SIZES[0].1);
    let at = |stage: &mut Stage, code| {
        stage.press(key(code));
        let text = text(&stage.drawn());
        is_placed(&text, true, place.name);
        position(&text)
    };
    let before = text(&stage.drawn());
    if let Some([_, last, all]) = at(stage, KeyCode::End) {
        assert_eq!(last, all, "{}", place.name);
        let [first, _, same] = at(stage, KeyCode::PageUp).unwrap();
        assert!(first > 1 || all < 40, "{}: a screen before the end", place.name);
        assert_eq!(all, same, "{}", place.name);
    }
    at(stage, KeyCode::Home);
    assert_eq!(text(&stage.drawn()), before, "{}", place.name);
}

/// Keeps one file for each page, with the screens of all places on it.
fn keep(rows: u64, kept: &Kept) {
    for (page, screens) in kept {
        let name = format!("{page} {rows} rows").to_lowercase().replace(' ', "_");
        assert_snapshot!(name, screens);
    }
}

fn all_states(rows: u64) {
    let mut kept = Kept::new();
    for state in states() {
        for (name, screens) in walk(&state, rows, &SIZES, 0..PLACES.len()) {
            kept.entry(name).or_default().push_str(&screens);
        }
    }
    keep(rows, &kept);
    walk(&states()[0], rows, &ODD_SIZES, 0..PLACES.len());
}

#[test]
fn all_pages_without_a_row() {
    all_states(0);
}

#[test]
fn all_pages_with_five_rows() {
    all_states(5);
}

/// The first page that is reached by a digit from anywhere.
fn second_page() -> usize {
    PLACES.iter().position(|place| place.page == "Paths").unwrap()
}

#[test]
fn processes_with_ten_thousand_rows() {
    keep(MANY, &walk(&states()[0], MANY, &SIZES, 0..second_page()));
}

#[test]
fn other_pages_with_ten_thousand_rows() {
    keep(MANY, &walk(&states()[0], MANY, &SIZES, second_page()..PLACES.len()));
}

#[test]
fn the_first_page_with_ten_thousand_rows_in_each_state() {
    let machine = Machine { copies: Provenance::Modelled, lost: 17, ..Machine::default() };
    let mut stage = world::session(machine, MANY).ticks(2).keys("b").ticks(1).stage();
    for keys in ["", "/nginx\n", "\u{1b}g", " ", " ,"] {
        stage.keys(keys);
        stage.arrive();
        let screen = stage.drawn();
        is_sound(&screen, keys);
        is_placed(&text(&screen), true, keys);
    }
    assert!(text(&stage.drawn()).contains("PAST"));
}
