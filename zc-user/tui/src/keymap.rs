//! THE key table: keys, footer and help all come from it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::{Action, Edit, Motion, View};

/// Where a key is pressed: the same key may mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The table of processes.
    Processes,
    /// One process.
    Detail,
    /// The tables of paths and devices.
    Table,
    /// The help.
    Help,
    /// The menu of sort columns.
    SortMenu,
    /// Typing a filter.
    FilterLine,
}

impl Context {
    /// Every context.
    pub const ALL: &'static [Self] =
        &[Self::Processes, Self::Detail, Self::Table, Self::Help, Self::SortMenu, Self::FilterLine];
}

/// A key with its modifiers; Shift is left out, since it is part of the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Control and Alt.
    pub modifiers: KeyModifiers,
}

/// A key without modifiers.
#[must_use]
pub const fn key(code: KeyCode) -> Chord {
    Chord { code, modifiers: KeyModifiers::NONE }
}

/// A character.
#[must_use]
pub const fn chr(c: char) -> Chord {
    key(KeyCode::Char(c))
}

/// A character with Control.
#[must_use]
pub const fn ctrl(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
}

/// One row of the key table.
#[derive(Debug)]
pub struct Binding {
    /// The keys, all with the same effect.
    pub keys: &'static [Chord],
    /// The keys as the help names them.
    pub shown: &'static str,
    /// The effect.
    pub action: Action,
    /// The effect in words, for the help.
    pub help: &'static str,
    /// Key and word for the footer, when it belongs there.
    pub footer: Option<(&'static str, &'static str)>,
    /// Where the binding holds.
    pub contexts: &'static [Context],
}

const EVERYWHERE: &[Context] = Context::ALL;
const SCREENS: &[Context] = &[Context::Processes, Context::Detail, Context::Table, Context::Help];
const NOT_HELP: &[Context] = &[Context::Processes, Context::Detail, Context::Table];
const MOVING: &[Context] =
    &[Context::Processes, Context::Detail, Context::Table, Context::Help, Context::SortMenu];
const TABLES: &[Context] = &[Context::Processes, Context::Table];
const LIST: &[Context] = &[Context::Processes];
const DEEP: &[Context] = &[Context::Detail, Context::Help];
const LINE: &[Context] = &[Context::FilterLine];
const MENU: &[Context] = &[Context::SortMenu];

macro_rules! binding {
    ([$($key:expr),+], $shown:literal, $action:expr, $contexts:expr, $help:literal $(, $footkey:literal $footer:literal)?) => {
        Binding {
            keys: &[$($key),+],
            shown: $shown,
            action: $action,
            help: $help,
            footer: binding!(@footer $($footkey $footer)?),
            contexts: $contexts,
        }
    };
    (@footer) => { None };
    (@footer $key:literal $word:literal) => { Some(($key, $word)) };
}

/// Every key. The order is that of the help and, within a context, of the footer.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    binding!([chr('q')], "q", Action::Quit, NOT_HELP, "quit", "q" "Quit"),
    binding!([chr('q')], "q", Action::Back, &[Context::Help], "close the help"),
    binding!([ctrl('c')], "Ctrl-C", Action::Quit, EVERYWHERE, "quit"),
    binding!([key(KeyCode::Esc)], "Esc", Action::Back, DEEP, "go back", "Esc" "Back"),
    binding!([key(KeyCode::Esc)], "Esc", Action::Back, LIST, "clear the filter"),
    binding!([chr('?'), chr('h'), key(KeyCode::F(1))], "? h F1", Action::ToggleHelp, SCREENS, "show or close this help", "?" "Help"),
    binding!([key(KeyCode::Enter), key(KeyCode::Right), chr('l')], "Enter Right l", Action::Open, LIST, "look into the selected process", "Enter" "Open"),
    binding!([key(KeyCode::Left), key(KeyCode::Backspace)], "Left Backspace", Action::Back, DEEP, "go back"),
    binding!([chr('/'), key(KeyCode::F(4))], "/ F4", Action::EditFilter, LIST, "type a filter; Esc clears it", "/" "Filter"),
    binding!([chr('s'), key(KeyCode::F(6))], "s F6", Action::ChooseSort, TABLES, "choose the column to sort by", "s" "Sort"),
    binding!([chr('r')], "r", Action::Reverse, TABLES, "reverse the order", "r" "Reverse"),
    binding!([chr(' ')], "Space", Action::TogglePause, NOT_HELP, "freeze or thaw the display; counting goes on", "Space" "Pause"),
    binding!([key(KeyCode::Tab)], "Tab", Action::NextView, SCREENS, "next view", "Tab" "View"),
    binding!([key(KeyCode::BackTab)], "Shift-Tab", Action::PreviousView, SCREENS, "previous view"),
    binding!([chr('1')], "1", Action::Show(View::Processes), SCREENS, "processes"),
    binding!([chr('2')], "2", Action::Show(View::Paths), SCREENS, "paths of the whole system"),
    binding!([chr('3')], "3", Action::Show(View::Devices), SCREENS, "devices and their DMA"),
    binding!([chr('4')], "4", Action::Show(View::Help), SCREENS, "this help"),
    binding!([key(KeyCode::Up), chr('k')], "Up k", Action::Move(Motion::Up), MOVING, "one row up"),
    binding!([key(KeyCode::Down), chr('j')], "Down j", Action::Move(Motion::Down), MOVING, "one row down"),
    binding!([key(KeyCode::PageUp), ctrl('b')], "PgUp Ctrl-B", Action::Move(Motion::PageUp), MOVING, "one screen up"),
    binding!([key(KeyCode::PageDown), ctrl('f')], "PgDn Ctrl-F", Action::Move(Motion::PageDown), MOVING, "one screen down"),
    binding!([key(KeyCode::Home), chr('g')], "Home g", Action::Move(Motion::First), MOVING, "to the first row"),
    binding!([key(KeyCode::End), chr('G')], "End G", Action::Move(Motion::Last), MOVING, "to the last row"),
    binding!([chr('+'), chr('=')], "+", Action::Slower, SCREENS, "longer interval", "+/-" "Interval"),
    binding!([chr('-')], "-", Action::Faster, SCREENS, "shorter interval"),
    binding!([ctrl('l')], "Ctrl-L", Action::Redraw, EVERYWHERE, "draw the screen anew"),
    binding!([ctrl('z')], "Ctrl-Z", Action::Suspend, EVERYWHERE, "suspend; fg returns"),
    binding!([key(KeyCode::Enter)], "Enter", Action::Accept, LINE, "filter: keep it", "Enter" "Keep"),
    binding!([key(KeyCode::Esc)], "Esc", Action::Cancel, LINE, "filter: clear it", "Esc" "Clear"),
    binding!([key(KeyCode::Backspace), ctrl('h')], "Backspace", Action::Edit(Edit::DeleteBefore), LINE, "filter: delete before the cursor"),
    binding!([key(KeyCode::Delete), ctrl('d')], "Del", Action::Edit(Edit::DeleteUnder), LINE, "filter: delete under the cursor"),
    binding!([ctrl('w')], "Ctrl-W", Action::Edit(Edit::DeleteWord), LINE, "filter: delete a word"),
    binding!([ctrl('u')], "Ctrl-U", Action::Edit(Edit::DeleteToStart), LINE, "filter: delete to the start"),
    binding!([key(KeyCode::Left)], "Left", Action::Edit(Edit::Left), LINE, "filter: cursor left"),
    binding!([key(KeyCode::Right)], "Right", Action::Edit(Edit::Right), LINE, "filter: cursor right"),
    binding!([key(KeyCode::Home), ctrl('a')], "Home Ctrl-A", Action::Edit(Edit::Start), LINE, "filter: cursor to the start"),
    binding!([key(KeyCode::End), ctrl('e')], "End Ctrl-E", Action::Edit(Edit::End), LINE, "filter: cursor to the end"),
    binding!([key(KeyCode::Enter)], "Enter", Action::Accept, MENU, "sort menu: take this column", "Enter" "Take"),
    binding!([key(KeyCode::Esc), chr('s'), chr('q')], "Esc s q", Action::Cancel, MENU, "sort menu: close it", "Esc" "Close"),
];

/// What this key means here, if anything. While a filter is typed, characters are text.
#[must_use]
pub fn action(context: Context, event: KeyEvent) -> Option<Action> {
    let chord =
        Chord { code: event.code, modifiers: event.modifiers.difference(KeyModifiers::SHIFT) };
    if let Some(binding) = BINDINGS
        .iter()
        .find(|binding| binding.contexts.contains(&context) && binding.keys.contains(&chord))
    {
        return Some(binding.action);
    }
    match (context, chord) {
        (Context::FilterLine, Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::NONE }) => {
            Some(Action::Edit(Edit::Insert(c)))
        }
        _ => None,
    }
}

/// What the footer says here: key and word, most important first.
pub fn footer(context: Context) -> impl Iterator<Item = (&'static str, &'static str)> {
    BINDINGS
        .iter()
        .filter(move |binding| binding.contexts.contains(&context))
        .filter_map(|binding| binding.footer)
}
